//! ACCESS verdicts: who may do what with a file, as long as its permissions stay what they were.

use std::collections::HashMap;

use cache::FileId;
use mutant::Mutant;

use crate::call::CallId;
use crate::clock_table::ClockTable;
use crate::files::FileRef;
use crate::hash::SeededHash;
use crate::identity::Identity;
use crate::slots::{SlotId, Slots};
use crate::wait_list::{WaitList, WaitNodes};

/// The origin's answer to ACCESS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    /// [`crate::files::File::permissions`] when it was given.
    pub(crate) permissions: u64,
    /// The rights asked about.
    pub(crate) asked: u32,
    /// Those granted.
    pub(crate) granted: u32,
}

/// An ACCESS of ours at the origin, and the READs that wait for it.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) file: FileRef,
    pub(crate) identity: Identity,
    pub(crate) permissions: u64,
    pub(crate) waiters: WaitList,
}

pub(crate) type QuestionId = SlotId<Question>;

type Key = (FileId, Identity);

/// Verdicts known and asked for.
#[derive(Debug)]
pub(crate) struct Verdicts {
    known: ClockTable<Key, Access>,
    asked: HashMap<Key, QuestionId, SeededHash>,
    pub(crate) questions: Slots<Question>,
    pub(crate) nodes: WaitNodes<CallId>,
}

impl Verdicts {
    pub(crate) fn new(capacity: usize, calls: usize, hash: SeededHash) -> Self {
        Self {
            known: ClockTable::new(capacity, hash),
            asked: HashMap::with_capacity_and_hasher(calls, hash),
            questions: Slots::new(calls),
            nodes: WaitNodes::new(calls),
        }
    }

    /// The verdict, if it was given under these `permissions` of the file.
    pub(crate) fn find(
        &mut self,
        file: FileId,
        identity: &Identity,
        permissions: u64,
    ) -> Option<Access> {
        let slot = self.known.find(&(file, *identity))?;
        self.known
            .at(slot)
            .filter(|access| {
                access.permissions == permissions || mutant::is_on(Mutant::VerdictOutlivesChange)
            })
            .copied()
    }

    pub(crate) fn enter(&mut self, file: FileId, identity: &Identity, access: Access) {
        let key = (file, *identity);
        if let Some(slot) = self.known.find(&key) {
            if let Some(known) = self.known.at_mut(slot) {
                if known.permissions == access.permissions {
                    // What was not asked about this time stays.
                    known.granted = (known.granted & !access.asked) | access.granted;
                    known.asked |= access.asked;
                } else {
                    *known = access;
                }
            }
        } else {
            self.known.insert(key, access, |_| true);
        }
    }

    /// The question under way about this, if it was asked under the same permissions.
    pub(crate) fn question(
        &self,
        file: FileId,
        identity: &Identity,
        permissions: u64,
    ) -> Option<QuestionId> {
        let id = *self.asked.get(&(file, *identity))?;
        self.questions
            .get(id)
            .is_some_and(|question| question.permissions == permissions)
            .then_some(id)
    }

    /// Notes a question; a READ that comes later may wait for the same answer.
    pub(crate) fn ask(
        &mut self,
        file: FileRef,
        identity: Identity,
        permissions: u64,
    ) -> Option<QuestionId> {
        let question = Question {
            file,
            identity,
            permissions,
            waiters: WaitList::new(),
        };
        let id = self.questions.insert(question).ok()?;
        self.asked.insert((file.id, identity), id);
        Some(id)
    }

    /// Lets `call` wait for the answer.
    pub(crate) fn wait(&mut self, question: QuestionId, call: CallId) -> bool {
        match self.questions.get_mut(question) {
            Some(question) => self.nodes.push(&mut question.waiters, call),
            None => false,
        }
    }

    /// The question is answered, or never will be. Its waiters must be taken from what is returned.
    pub(crate) fn close(&mut self, id: QuestionId) -> Option<Question> {
        let question = self.questions.remove(id)?;
        let key = (question.file.id, question.identity);
        if self.asked.get(&key) == Some(&id) {
            self.asked.remove(&key);
        }
        Some(question)
    }
}
