//! Handing over to a successor and taking over, as told.

use std::sync::Mutex;

use serde::Deserialize;
use serde_json::json;

use super::bindings::exports::glomers::node::migrate;
use super::{Puppet, tell};

/// The only form of a state that this puppet takes over.
const VERSION: u32 = 1;

/// What the next `save` says.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct Keep {
    /// Not yet.
    busy: bool,
    /// Never, for this reason.
    refuse: Option<String>,
    /// The state, of this version or of version 1.
    version: Option<u32>,
    state: String,
}

static KEPT: Mutex<Option<Keep>> = Mutex::new(None);

pub fn keep(keep: Keep) {
    *KEPT.lock().expect("there is one thread") = Some(keep);
}

impl migrate::Guest for Puppet {
    fn save() -> Result<Option<migrate::Saved>, String> {
        let kept = KEPT.lock().expect("there is one thread").clone().unwrap_or_default();
        match kept {
            Keep { busy: true, .. } => Ok(None),
            Keep { refuse: Some(reason), .. } => Err(reason),
            Keep { version, state, .. } => {
                Ok(Some(migrate::Saved { version: version.unwrap_or(VERSION), bytes: state.into_bytes() }))
            }
        }
    }

    fn load(context: migrate::Context, saved: migrate::Saved) -> Result<(), String> {
        let state = String::from_utf8_lossy(&saved.bytes);
        tell(json!({"load": context.node_id, "nodes": context.node_ids, "state": state}));
        match &*state {
            "trap" => panic!("as told"),
            _ if saved.version == VERSION => Ok(()),
            _ => Err(format!("version {} is not known", saved.version)),
        }
    }
}
