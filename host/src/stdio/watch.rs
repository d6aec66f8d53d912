//! Which events of the file system concern a plugin's file: its own, those of every symbolic link on the way to it, and
//! those of its directory as a whole. Whatever else happens beside it does not count.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};

/// Symbolic links that are followed, as many as Linux follows.
const MAX_LINKS: usize = 40;

/// A watch of a file, wherever it is.
pub(super) struct Watch {
    path: PathBuf,
    watcher: RecommendedWatcher,
    places: Arc<Mutex<Vec<Place>>>,
}

/// A name in a directory that is no symbolic link.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    directory: PathBuf,
    name: OsString,
}

impl Watch {
    /// Calls back whenever the file may have changed.
    pub fn start(path: &Path, changed: impl Fn() + Send + 'static) -> notify::Result<Watch> {
        let path = std::path::absolute(path)?;
        let places = Arc::new(Mutex::new(Vec::new()));
        let known = Arc::clone(&places);
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            let places: &Mutex<Vec<Place>> = &known;
            let places = places.lock().unwrap_or_else(PoisonError::into_inner);
            // Reading the file is no change; without this each look at it would be the reason for the next.
            if event.is_ok_and(|event| !event.kind.is_access() && concerns(&event, &places)) {
                changed();
            }
        })?;
        let mut watch = Watch { path, watcher, places };
        watch.follow()?;
        Ok(watch)
    }

    /// Looks where the file is now: a link or a directory on the way may be another.
    pub fn follow(&mut self) -> notify::Result<()> {
        let new = places(&self.path);
        let old =
            std::mem::replace(&mut *self.places.lock().unwrap_or_else(PoisonError::into_inner), new.clone());
        for place in &old {
            if !new.iter().any(|new| new.directory == place.directory) {
                let _ = self.watcher.unwatch(&place.directory); // It may not be there any more.
            }
        }
        // A directory that was made again has the same name, and has to be watched again. What matters is the file's own.
        let mut watch = |place: &Place| self.watcher.watch(&place.directory, RecursiveMode::NonRecursive);
        new.iter().map(&mut watch).last().unwrap_or(Ok(()))
    }
}

fn concerns(event: &Event, places: &[Place]) -> bool {
    let is_one = |path: &PathBuf| {
        places
            .iter()
            .any(|place| path.parent() == Some(&*place.directory) && path.file_name() == Some(&*place.name))
    };
    // When events have been lost nobody knows whose they were.
    event.need_rescan() || event.paths.iter().any(is_one)
}

/// Where on the way to a file something can be replaced: each symbolic link, the file's directory, the file.
fn places(path: &Path) -> Vec<Place> {
    let mut places = Vec::new();
    let mut at = PathBuf::new();
    let mut rest: VecDeque<OsString> = path.components().map(|part| part.as_os_str().to_owned()).collect();
    while let Some(part) = rest.pop_front() {
        match Path::new(&part).components().next() {
            Some(Component::Normal(_)) => {}
            Some(Component::ParentDir) => {
                at.pop();
                continue;
            }
            _ => {
                at.push(&part);
                continue;
            }
        }
        let next = at.join(&part);
        let target = std::fs::read_link(&next).ok().filter(|_| places.len() < MAX_LINKS);
        if target.is_some() || rest.len() < 2 {
            places.push(Place { directory: at.clone(), name: part });
        }
        let Some(target) = target else {
            at = next;
            continue;
        };
        for part in target.components().rev() {
            rest.push_front(part.as_os_str().to_owned());
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn every_link_on_the_way_to_a_file_is_a_place() {
        let directory = tempfile::tempdir().unwrap();
        let root = std::fs::canonicalize(&directory).unwrap();
        std::fs::create_dir_all(root.join("releases/1")).unwrap();
        std::fs::write(root.join("releases/1/x.wasm"), "").unwrap();
        symlink("releases/1", root.join("current")).unwrap();
        symlink(root.join("current/../1/x.wasm"), root.join("plugin.wasm")).unwrap();
        let found = places(&root.join("plugin.wasm"));
        let mut expected: Vec<Place> = ["/plugin.wasm", "/current", "/releases/1", "/releases/1/x.wasm"]
            .iter()
            .map(|path| Path::new(&format!("{}{path}", root.display())).to_owned())
            .map(|path| Place {
                directory: path.parent().unwrap().to_owned(),
                name: path.file_name().unwrap().to_owned(),
            })
            .collect();
        for place in &found {
            expected.retain(|expected| expected != place);
        }
        assert_eq!(expected, [], "{found:?}");
    }

    #[test]
    fn a_link_to_itself_comes_to_an_end() {
        let directory = tempfile::tempdir().unwrap();
        symlink("loop", directory.path().join("loop")).unwrap();
        assert!(places(&directory.path().join("loop")).len() <= MAX_LINKS + 2);
    }
}
