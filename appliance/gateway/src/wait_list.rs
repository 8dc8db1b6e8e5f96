//! Lists of those who wait for the same thing, all made of one bounded store of nodes.

const NONE: u32 = u32::MAX;

/// One list; empty at first. It must be emptied before it is dropped, or its nodes are lost.
#[derive(Debug)]
pub(crate) struct WaitList {
    head: u32,
    tail: u32,
}

impl WaitList {
    pub(crate) const fn new() -> Self {
        Self {
            head: NONE,
            tail: NONE,
        }
    }
}

#[derive(Debug)]
struct Node<T> {
    value: T,
    next: u32,
}

/// The nodes of all lists of one kind.
#[derive(Debug)]
pub(crate) struct WaitNodes<T> {
    nodes: Vec<Node<T>>,
    free: u32,
    bound: usize,
}

impl<T: Copy> WaitNodes<T> {
    pub(crate) fn new(bound: usize) -> Self {
        Self {
            nodes: Vec::with_capacity(bound),
            free: NONE,
            bound,
        }
    }

    /// Appends `value`; `false` when all nodes are in use.
    pub(crate) fn push(&mut self, list: &mut WaitList, value: T) -> bool {
        let node = Node { value, next: NONE };
        let index = if let Some(spare) = self.nodes.get_mut(self.free as usize) {
            let index = self.free;
            self.free = spare.next;
            *spare = node;
            index
        } else {
            let Ok(index) = u32::try_from(self.nodes.len()) else {
                return false;
            };
            if self.nodes.len() >= self.bound || index == NONE {
                return false;
            }
            self.nodes.push(node);
            index
        };
        match self.nodes.get_mut(list.tail as usize) {
            Some(tail) => tail.next = index,
            None => list.head = index,
        }
        list.tail = index;
        true
    }

    /// Whether `wanted` holds for any value of the list.
    pub(crate) fn any(&self, list: &WaitList, wanted: impl Fn(T) -> bool) -> bool {
        let mut next = list.head;
        while let Some(node) = self.nodes.get(next as usize) {
            if wanted(node.value) {
                return true;
            }
            next = node.next;
        }
        false
    }

    /// Takes the oldest value.
    pub(crate) fn pop(&mut self, list: &mut WaitList) -> Option<T> {
        let index = list.head;
        let node = self.nodes.get_mut(index as usize)?;
        let value = node.value;
        list.head = node.next;
        node.next = self.free;
        self.free = index;
        if list.head == NONE {
            list.tail = NONE;
        }
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_in_first_out_and_nodes_are_reused() {
        let mut nodes = WaitNodes::new(3);
        let (mut a, mut b) = (WaitList::new(), WaitList::new());
        for round in 0..10 {
            assert!(nodes.push(&mut a, round));
            assert!(nodes.push(&mut b, 100));
            assert!(nodes.push(&mut a, round + 1));
            assert!(!nodes.push(&mut b, 101), "the bound is three");
            assert!(nodes.any(&a, |value| value == round + 1));
            assert!(!nodes.any(&b, |value| value == round + 1));
            assert_eq!(nodes.pop(&mut a), Some(round));
            assert_eq!(nodes.pop(&mut a), Some(round + 1));
            assert_eq!(nodes.pop(&mut a), None);
            assert_eq!(nodes.pop(&mut b), Some(100));
        }
    }
}
