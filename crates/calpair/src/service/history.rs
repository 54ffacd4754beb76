//! `history`: every write with what was before and after it.

use model::{PairName, Redacted, Uid};
use store::ChangeRow;

use super::{Answer, Service};
use crate::control::Reply;
use crate::exit::Exit;
use crate::report::{At, Change, FieldChange, History};

/// How many changes are read at once: what each was before and after takes memory meanwhile.
const PAGE: usize = 1_000;

impl Service {
    pub(super) async fn history(&self, pair: Option<&str>, event: Option<&str>) -> Answer {
        // A pair that was detached, or is called otherwise now, still has its history.
        let name = pair.map(PairName::new);
        let store = &self.ctx.store;
        if let Some(pair) = pair
            && store.history(name.as_ref(), None, 1)?.is_empty()
        {
            self.pair_of(pair)?;
        }
        let uid = event.map(Uid::new);
        let mut changes = Vec::new();
        let mut earliest = i64::MAX;
        loop {
            let page = store.history_before(earliest, name.as_ref(), uid.as_ref(), PAGE)?;
            let Some(last) = page.last() else { break };
            earliest = last.id;
            changes.extend(page.into_iter().map(change));
            // Years of changes keep nobody else waiting.
            tokio::task::yield_now().await;
        }
        Ok(Reply::report(Exit::Fine, &History { changes }))
    }
}

pub(super) fn change(row: ChangeRow) -> Change {
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
