//! `host new`: a plugin to start from.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::build::language::{LANGUAGES, Language};
use crate::build::project;

/// Make a new plugin: a directory that builds, with a handler to fill in, a README and a test.
#[derive(Args)]
pub(super) struct Arguments {
    /// The plugin's name, or a path that ends with it. Nothing that is there is overwritten.
    #[arg(value_name = "NAME")]
    path: PathBuf,

    /// The language to write it in.
    #[arg(long, value_name = "LANG", default_value = "rust", value_parser = languages())]
    lang: String,
}

/// Only names of languages.
pub(super) fn languages() -> PossibleValuesParser {
    PossibleValuesParser::new(LANGUAGES.iter().map(|language| language.name))
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let language = Language::named(&arguments.lang).context("clap knows the languages")?;
    let dir = project::create(&arguments.path, language)?;
    println!("{}: {}", dir.display(), language.title);
    let own_test = language.own_test.replace("{{name}}", &name(&dir));
    println!("Next: cd {}; host build .; {own_test}", dir.display());
    // Said now rather than when the build fails; it does not keep the project from being made.
    for tool in language.tools {
        if let Err(missing) = tool.require(language.name, language.title) {
            eprintln!("host: {missing}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn name(dir: &Path) -> String {
    dir.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
