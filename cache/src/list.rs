//! Doubly linked lists of numbered items, with all links in one fixed table.

/// No item.
const NONE: u32 = u32::MAX;

#[derive(Debug, Clone, Copy)]
struct Link {
    previous: u32,
    next: u32,
}

/// The links of items `0..count`; each item is on at most one of the lists that
/// use this table.
#[derive(Debug)]
pub(crate) struct Links(Box<[Link]>);

/// The ends of one list. All operations on it are on the [`Links`] of its items.
#[derive(Debug)]
pub(crate) struct List {
    front: u32,
    back: u32,
    len: usize,
}

impl List {
    pub(crate) const fn new() -> Self {
        Self {
            front: NONE,
            back: NONE,
            len: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn front(&self) -> Option<u32> {
        some(self.front)
    }

    pub(crate) fn back(&self) -> Option<u32> {
        some(self.back)
    }
}

impl Links {
    pub(crate) fn new(count: usize) -> Self {
        Self(
            vec![
                Link {
                    previous: NONE,
                    next: NONE
                };
                count
            ]
            .into_boxed_slice(),
        )
    }

    /// The item before `item`, towards the front.
    pub(crate) fn previous(&self, item: u32) -> Option<u32> {
        some(self.0[item as usize].previous)
    }

    /// The item after `item`, towards the back.
    pub(crate) fn next(&self, item: u32) -> Option<u32> {
        some(self.0[item as usize].next)
    }

    pub(crate) fn push_front(&mut self, list: &mut List, item: u32) {
        self.0[item as usize] = Link {
            previous: NONE,
            next: list.front,
        };
        self.join(list, NONE, item);
        let next = self.0[item as usize].next;
        self.join(list, item, next);
        list.len += 1;
    }

    pub(crate) fn push_back(&mut self, list: &mut List, item: u32) {
        self.0[item as usize] = Link {
            previous: list.back,
            next: NONE,
        };
        let previous = self.0[item as usize].previous;
        self.join(list, item, NONE);
        self.join(list, previous, item);
        list.len += 1;
    }

    pub(crate) fn pop_front(&mut self, list: &mut List) -> Option<u32> {
        let item = list.front()?;
        self.remove(list, item);
        Some(item)
    }

    /// Takes `item`, which is on `list`, off it.
    pub(crate) fn remove(&mut self, list: &mut List, item: u32) {
        let Link { previous, next } = self.0[item as usize];
        self.join(list, previous, next);
        self.0[item as usize] = Link {
            previous: NONE,
            next: NONE,
        };
        list.len -= 1;
    }

    /// Puts `new` where `old` is on `list`, and takes `old` off it.
    pub(crate) fn replace(&mut self, list: &mut List, old: u32, new: u32) {
        let link @ Link { previous, next } = self.0[old as usize];
        self.0[old as usize] = Link {
            previous: NONE,
            next: NONE,
        };
        self.0[new as usize] = link;
        self.join(list, previous, new);
        self.join(list, new, next);
    }

    /// Makes `left` and `right` neighbours; `NONE` is the end of the list.
    fn join(&mut self, list: &mut List, left: u32, right: u32) {
        match some(left) {
            Some(left) => self.0[left as usize].next = right,
            None => list.front = right,
        }
        match some(right) {
            Some(right) => self.0[right as usize].previous = left,
            None => list.back = left,
        }
    }
}

fn some(item: u32) -> Option<u32> {
    (item != NONE).then_some(item)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(links: &Links, list: &List) -> Vec<u32> {
        let forwards: Vec<u32> =
            core::iter::successors(list.front(), |&item| links.next(item)).collect();
        let mut backwards: Vec<u32> =
            core::iter::successors(list.back(), |&item| links.previous(item)).collect();
        backwards.reverse();
        assert_eq!(forwards, backwards);
        assert_eq!(forwards.len(), list.len());
        assert_eq!(forwards.is_empty(), list.is_empty());
        forwards
    }

    #[test]
    fn items_come_in_the_order_of_their_ends() {
        let (mut links, mut list) = (Links::new(5), List::new());
        assert_eq!(items(&links, &list), []);
        links.push_back(&mut list, 3);
        links.push_front(&mut list, 1);
        links.push_back(&mut list, 4);
        assert_eq!(items(&links, &list), [1, 3, 4]);
        assert_eq!(links.pop_front(&mut list), Some(1));
        assert_eq!(items(&links, &list), [3, 4]);
    }

    #[test]
    fn items_leave_from_anywhere() {
        for gone in 0..4 {
            let (mut links, mut list) = (Links::new(4), List::new());
            (0..4).for_each(|item| links.push_back(&mut list, item));
            links.remove(&mut list, gone);
            let rest: Vec<u32> = (0..4).filter(|&item| item != gone).collect();
            assert_eq!(items(&links, &list), rest);
            links.push_front(&mut list, gone);
            assert_eq!(list.front(), Some(gone));
        }
    }

    #[test]
    fn a_replacement_stands_where_the_old_one_stood() {
        for old in 0..3 {
            let (mut links, mut list) = (Links::new(4), List::new());
            (0..3).for_each(|item| links.push_back(&mut list, item));
            links.replace(&mut list, old, 3);
            let expected: Vec<u32> = (0..3)
                .map(|item| if item == old { 3 } else { item })
                .collect();
            assert_eq!(items(&links, &list), expected);
        }
    }
}
