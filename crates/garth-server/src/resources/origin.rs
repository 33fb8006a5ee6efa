//! Why something may be used in a space, as far as somebody may know.

use crate::directory::Directory;
use garth_core::{Action, Caller, ClassIx, Micros, SpaceIx, Target};

/// Why a resource may be used in a space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It lies there.
    Own,
    /// It lies above, where every space on the way inherits.
    Inherited,
    /// It lies elsewhere and is shared.
    Shared,
}

impl Origin {
    /// The word for it in answers.
    pub fn word(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Inherited => "inherited",
            Self::Shared => "shared",
        }
    }
}

/// Where resources of a class come from for what lies in a space. That they lie above is told to who sees the space above;
/// others see them because they are shared.
pub(super) fn origin(dir: &Directory, caller: &Caller, space: SpaceIx, class: ClassIx, now: Micros) -> Origin {
    let sees = |lies| dir.world.decide(caller, Target::Space(lies), Action::Read, now).allowed();
    match dir.world.class(class).map(|class| class.space) {
        Some(lies) if lies == space => Origin::Own,
        Some(lies) if dir.world.reached(space).contains(&lies) && sees(lies) => Origin::Inherited,
        _ => Origin::Shared,
    }
}
