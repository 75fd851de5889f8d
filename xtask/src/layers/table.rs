//! The table of layers: what each crate may import.

use std::fmt;

/// The row of one crate.
#[derive(Debug)]
pub(super) struct Layer {
    folder: &'static str,
    name: &'static str,
    /// Which crates of ours it may import.
    pub(super) ours: Ours,
    /// Which crates of others it may import.
    pub(super) outside: Outside,
    /// What it stands on.
    pub(super) ground: Ground,
}

#[derive(Debug)]
pub(super) enum Ours {
    These(&'static [&'static str]),
    Anything,
}

impl Ours {
    pub(super) fn allows(&self, name: &str) -> bool {
        match self {
            Ours::These(names) => names.contains(&name),
            // A tool that others import would be a layer.
            Ours::Anything => name != "xtask",
        }
    }
}

impl fmt::Display for Ours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ours::These([]) => f.write_str("none"),
            Ours::These(names) => write!(f, "only {}", names.join(", ")),
            Ours::Anything => f.write_str("all"),
        }
    }
}

#[derive(Debug)]
pub(super) enum Outside {
    Nothing,
    AnythingBut(&'static [&'static str]),
    Anything,
}

/// What a crate stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ground {
    /// `no_std`, and neither clock, randomness, I/O nor thread.
    SansIo,
    /// `no_std`.
    NoStd,
    Std,
}

/// The row of a crate. Every crate under a folder of tools has one.
pub(super) fn layer(name: &str, folder: &str) -> Option<&'static Layer> {
    LAYERS
        .iter()
        .find(|layer| layer.name == name && layer.folder == folder)
        .or_else(|| is_tool(folder).then_some(&TOOL))
}

/// The crate that a file belongs to, by the table: folder, name and the path
/// inside it.
pub(super) fn crate_of(path: &str) -> Option<(&'static str, &'static str, &str)> {
    LAYERS.iter().find_map(|layer| {
        let inside = path.strip_prefix(layer.folder)?.strip_prefix('/')?;
        Some((layer.folder, layer.name, inside))
    })
}

/// Whether a folder holds what tests are made with.
pub(super) fn is_for_tests(folder: &str) -> bool {
    folder.starts_with("testing/")
}

/// Whether a folder holds proofs and tools, which the product never imports.
pub(super) fn is_tool(folder: &str) -> bool {
    TOOLS.iter().any(|tool| folder.strip_prefix(tool).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

#[cfg(test)]
pub(super) fn folders() -> impl Iterator<Item = &'static str> {
    LAYERS.iter().map(|layer| layer.folder).chain(["testing/simulation", "testing/conformance", "xtask"])
}

/// What the tests and examples of a crate may import besides: whom it is made for.
pub(super) fn may_test_with(name: &str, other: &str) -> bool {
    (name, other) == ("dunlin-store", "dunlin")
}

/// From the bottom upwards. Rows may stand here before their crate exists.
const LAYERS: &[Layer] = &[
    Layer {
        folder: "crates/dunlin-codec",
        name: "dunlin-codec",
        ours: Ours::These(&[]),
        outside: Outside::Nothing,
        ground: Ground::SansIo,
    },
    Layer {
        folder: "crates/dunlin-session",
        name: "dunlin-session",
        ours: Ours::These(&["dunlin-codec"]),
        outside: Outside::Nothing,
        ground: Ground::SansIo,
    },
    Layer {
        folder: "crates/dunlin-embedded",
        name: "dunlin-embedded",
        ours: Ours::These(&["dunlin-session", "dunlin-codec"]),
        outside: Outside::AnythingBut(OF_THE_COMMAND_LINE),
        ground: Ground::NoStd,
    },
    Layer {
        folder: "crates/dunlin-flash",
        name: "dunlin-flash",
        ours: Ours::These(&["dunlin-embedded", "dunlin-session", "dunlin-codec"]),
        outside: Outside::AnythingBut(OF_THE_COMMAND_LINE),
        ground: Ground::NoStd,
    },
    Layer {
        folder: "crates/dunlin",
        name: "dunlin",
        ours: Ours::These(&["dunlin-session", "dunlin-codec"]),
        outside: Outside::AnythingBut(OF_THE_COMMAND_LINE),
        ground: Ground::Std,
    },
    Layer {
        folder: "crates/dunlin-store",
        name: "dunlin-store",
        ours: Ours::These(&["dunlin-session"]),
        outside: Outside::AnythingBut(OF_THE_COMMAND_LINE),
        ground: Ground::Std,
    },
    Layer {
        folder: "crates/dunlin-cloud",
        name: "dunlin-cloud",
        // `dunlin` for the credential providers, behind the feature `std`.
        ours: Ours::These(&["dunlin-codec", "dunlin"]),
        outside: Outside::AnythingBut(OF_THE_COMMAND_LINE),
        ground: Ground::NoStd,
    },
    Layer {
        folder: "crates/dunlin-cli",
        name: "dunlin-cli",
        // The testkit's server, for `dunlin demo`.
        ours: Ours::These(&["dunlin", "dunlin-store", "dunlin-cloud", "dunlin-testkit"]),
        outside: Outside::Anything,
        ground: Ground::Std,
    },
    Layer {
        folder: "testing/testkit",
        name: "dunlin-testkit",
        // Users test with it, so it must not bring a second client along.
        ours: Ours::These(&["dunlin-codec"]),
        outside: Outside::AnythingBut(OF_THE_COMMAND_LINE),
        ground: Ground::Std,
    },
];

/// The row of every other crate in a folder of tools.
static TOOL: Layer =
    Layer { folder: "", name: "", ours: Ours::Anything, outside: Outside::Anything, ground: Ground::Std };

const TOOLS: &[&str] = &["testing", "bench", "fuzz", "firmware", "xtask"];
const OF_THE_COMMAND_LINE: &[&str] = &["clap", "indicatif", "ratatui", "rpassword"];
