//! The dependency graph, as cargo reads it from the manifests: every declared
//! dependency of every crate of ours, for all platforms and features.

use std::fmt;

use crate::json::Json;
use crate::report::Trouble;

#[derive(Debug)]
pub(super) struct Graph {
    /// The crates of the workspace.
    pub(super) crates: Vec<Crate>,
    /// Their dependencies, on crates of ours and of others.
    pub(super) edges: Vec<Edge>,
}

#[derive(Debug)]
pub(super) struct Crate {
    pub(super) name: String,
    /// From the root of the repository.
    pub(super) folder: String,
    pub(super) manifest: String,
}

#[derive(Debug)]
pub(super) struct Edge {
    pub(super) from: String,
    pub(super) from_folder: String,
    pub(super) manifest: String,
    pub(super) to: String,
    /// The folder of a crate of ours, otherwise nothing.
    pub(super) to_folder: String,
    pub(super) ours: bool,
    pub(super) kind: Kind,
}

/// The table of the manifest in which a dependency stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Normal,
    Build,
    Dev,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Normal => "dependency",
            Kind::Build => "build-dependency",
            Kind::Dev => "dev-dependency",
        })
    }
}

impl Graph {
    /// Reads the answer of `cargo metadata --no-deps --format-version 1`.
    ///
    /// # Errors
    ///
    /// The answer has not the expected form: another cargo than we know.
    pub(super) fn from_metadata(metadata: &str) -> Result<Graph, Trouble> {
        let strange = |what: &str| {
            Trouble::new(format!(
                "the answer of `cargo metadata` cannot be read: {what}; \
                 is this cargo much newer than xtask/src/layers/graph.rs?"
            ))
        };
        let metadata = Json::parse(metadata).map_err(|at| strange(&format!("byte {at}")))?;
        let root = metadata.get("workspace_root").as_str();
        let root = root.ok_or_else(|| strange("no workspace_root"))?;
        let mut graph = Graph { crates: Vec::new(), edges: Vec::new() };
        for package in metadata.get("packages").elements() {
            let text = |name: &str| package.get(name).as_str().ok_or_else(|| strange(name));
            let name = text("name")?;
            let manifest = inside(root, text("manifest_path")?);
            let folder = manifest.strip_suffix("/Cargo.toml").unwrap_or_default().to_owned();
            for dependency in package.get("dependencies").elements() {
                let to = dependency.get("name").as_str();
                let path = dependency.get("path").as_str();
                graph.edges.push(Edge {
                    from: name.to_owned(),
                    from_folder: folder.clone(),
                    manifest: manifest.clone(),
                    to: to.ok_or_else(|| strange("dependency"))?.to_owned(),
                    to_folder: path.map(|path| inside(root, path)).unwrap_or_default(),
                    ours: path.is_some(),
                    kind: match dependency.get("kind").as_str() {
                        Some("dev") => Kind::Dev,
                        Some("build") => Kind::Build,
                        _ => Kind::Normal,
                    },
                });
            }
            graph.crates.push(Crate { name: name.to_owned(), folder, manifest });
        }
        if graph.crates.is_empty() {
            return Err(strange("no packages"));
        }
        Ok(graph)
    }
}

/// A path without the root of the repository, with forward slashes.
fn inside(root: &str, path: &str) -> String {
    let path = path.strip_prefix(root).unwrap_or(path).replace('\\', "/");
    path.trim_start_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_and_edges_come_from_the_metadata_of_cargo() {
        let graph = Graph::from_metadata(
            r#"{"workspace_root":"/w","packages":[
                {"name":"dunlin","manifest_path":"/w/crates/dunlin/Cargo.toml","dependencies":[
                    {"name":"tokio","kind":null},
                    {"name":"dunlin-codec","kind":null,"path":"/w/crates/dunlin-codec"},
                    {"name":"dunlin-testkit","kind":"dev","path":"/w/testing/testkit"},
                    {"name":"cc","kind":"build"}]}]}"#,
        )
        .unwrap();
        assert_eq!(graph.crates[0].folder, "crates/dunlin");
        let edges: Vec<_> =
            graph.edges.iter().map(|edge| (edge.to.as_str(), edge.to_folder.as_str(), edge.ours, edge.kind)).collect();
        assert_eq!(
            edges,
            [
                ("tokio", "", false, Kind::Normal),
                ("dunlin-codec", "crates/dunlin-codec", true, Kind::Normal),
                ("dunlin-testkit", "testing/testkit", true, Kind::Dev),
                ("cc", "", false, Kind::Build),
            ]
        );
    }

    #[test]
    fn an_answer_of_another_form_is_no_empty_graph() {
        for text in ["", "{}", r#"{"workspace_root":"/w","packages":[]}"#] {
            assert!(Graph::from_metadata(text).is_err(), "{text}");
        }
    }
}
