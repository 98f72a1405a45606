//! A way into the web: its method, its path, and the right it asks for.

use std::sync::Arc;

use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodRouter, on};

use super::Site;
use crate::model::Role;

/// What somebody must be allowed to do (`product.md`, chapter 5, roles).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Nothing: whoever reaches the listener.
    Anyone,
    /// To look; viewers see personal data masked.
    Look,
    /// To see personal data whole: raw mail, exports.
    People,
    /// To act on messages, held mail, cases, notices, orders, domains and customers.
    Act,
    /// To administer: people, pausing, deleting.
    Administer,
}

impl Right {
    /// Is it among the rights of the role?
    pub fn belongs_to(self, role: Role) -> bool {
        match self {
            Right::Anyone | Right::Look => true,
            Right::People => role != Role::Viewer,
            Right::Act => matches!(role, Role::Operator | Role::Admin),
            Right::Administer => role == Role::Admin,
        }
    }
}

/// One way in.
pub struct Way {
    /// How.
    pub method: Method,
    /// Where, as axum writes it.
    pub path: &'static str,
    /// For whom.
    pub right: Right,
    /// The command of the command line that does the same, such as `held release`; looking has none.
    pub command: Option<&'static str>,
    /// What answers.
    pub handler: MethodRouter<Arc<Site>>,
}

impl Way {
    /// A page to look at.
    pub fn look<H, T>(path: &'static str, right: Right, handler: H) -> Self
    where
        H: Handler<T, Arc<Site>>,
        T: 'static,
    {
        Way {
            method: Method::GET,
            path,
            right,
            command: None,
            handler: on(axum::routing::MethodFilter::GET, handler),
        }
    }

    /// A form that does something; `command` does the same on the command line.
    pub fn act<H, T>(
        path: &'static str,
        right: Right,
        command: Option<&'static str>,
        handler: H,
    ) -> Self
    where
        H: Handler<T, Arc<Site>>,
        T: 'static,
    {
        Way {
            method: Method::POST,
            path,
            right,
            command,
            handler: on(axum::routing::MethodFilter::POST, handler),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_has_its_rights_and_no_other() {
        use Right::{Act, Administer, Anyone, Look, People};
        let all = [Anyone, Look, People, Act, Administer];
        let rights = |role| -> Vec<_> {
            let of_role = |right: &Right| right.belongs_to(role);
            all.into_iter().filter(of_role).collect()
        };
        assert_eq!(rights(Role::Viewer), [Anyone, Look]);
        assert_eq!(rights(Role::Auditor), [Anyone, Look, People]);
        assert_eq!(rights(Role::Operator), [Anyone, Look, People, Act]);
        assert_eq!(rights(Role::Admin), all);
    }
}
