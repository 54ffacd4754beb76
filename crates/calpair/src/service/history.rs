//! `history`: every write with what was before and after it.

use model::{Redacted, Uid};
use store::ChangeRow;

use super::{Answer, Service};
use crate::control::Reply;
use crate::exit::Exit;
use crate::report::{At, Change, FieldChange, History};

/// How many changes are shown: more than anybody reads, few enough for one answer.
const SHOWN: usize = 1_000;

impl Service {
    pub(super) fn history(&self, pair: Option<&str>, event: Option<&str>) -> Answer {
        let pair = match pair {
            Some(name) => Some(self.row_of(&self.pair_of(name)?)?.id),
            None => None,
        };
        let uid = event.map(Uid::new);
        let changes = self.ctx.store.history(pair, uid.as_ref(), SHOWN)?;
        let changes = changes.into_iter().map(change).collect();
        Ok(Reply::report(Exit::Fine, &History { changes }))
    }
}

fn change(row: ChangeRow) -> Change {
    let fields = reconcile::difference(row.before.as_ref(), row.after.as_ref());
    Change {
        id: row.id.to_string(),
        at: At(row.at),
        run: row.run.to_string(),
        pair: row.pair.as_str().to_owned(),
        side: row.side.into(),
        action: row.action,
        uid: row.uid.as_str().to_owned(),
        title: row.title.map(Redacted::into_inner),
        fields: fields.into_iter().map(FieldChange::from).collect(),
        reason: row.reason,
    }
}
