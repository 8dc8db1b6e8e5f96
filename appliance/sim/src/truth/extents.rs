//! Which WRITE every byte of a file is from.

use std::ops::Range;

use super::content::Version;

/// One file's bytes: extents that follow each other from 0 on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extents(Vec<Extent>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Extent {
    end: u64,
    version: Version,
}

impl Extents {
    pub(crate) fn size(&self) -> u64 {
        self.0.last().map_or(0, |extent| extent.end)
    }

    /// Bytes `range` are from `version` now; what lies between the old end and them is a hole.
    pub(crate) fn write(&mut self, range: Range<u64>, version: Version) {
        if range.is_empty() {
            return;
        }
        let size = self.size();
        let mut extents = Vec::with_capacity(self.0.len() + 3);
        let mut push = |end: u64, version: Version| {
            let start = extents.last().map_or(0, |last: &Extent| last.end);
            if end > start {
                extents.push(Extent { end, version });
            }
        };
        for extent in self.0.iter().filter(|extent| extent.end <= range.start) {
            push(extent.end, extent.version);
        }
        match self.at(range.start) {
            Some(version) => push(range.start, version),
            None => push(range.start, 0),
        }
        push(range.end, version);
        if range.end < size {
            for extent in self.0.iter().filter(|extent| extent.end > range.end) {
                push(extent.end, extent.version);
            }
        }
        self.0 = extents;
    }

    /// What lies beyond `size` is gone, and what there was not before is a hole.
    pub(crate) fn set_size(&mut self, size: u64) {
        let before = self.size();
        if before < size {
            self.0.push(Extent {
                end: size,
                version: 0,
            });
            return;
        }
        let kept = self.0.partition_point(|extent| extent.end < size);
        self.0.truncate(kept + 1);
        if let Some(last) = self.0.last_mut() {
            last.end = last.end.min(size);
        }
        if size == 0 {
            self.0.clear();
        }
    }

    fn at(&self, offset: u64) -> Option<Version> {
        let extent = self.0.iter().find(|extent| extent.end > offset)?;
        Some(extent.version)
    }

    /// What of `range` there is, piece by piece.
    pub(crate) fn pieces(&self, range: Range<u64>) -> impl Iterator<Item = (Range<u64>, Version)> {
        let mut start = 0;
        self.0.iter().filter_map(move |extent| {
            let piece = start.max(range.start)..extent.end.min(range.end);
            start = extent.end;
            (!piece.is_empty()).then_some((piece, extent.version))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn writes_land_where_a_plain_array_has_them() {
        let mut random = Random::new(7);
        for _ in 0..50 {
            let mut extents = Extents::default();
            let mut array: Vec<Version> = Vec::new();
            for version in 1..40 {
                let start = random.index(300);
                let end = start + 1 + random.index(60);
                extents.write(start as u64..end as u64, version);
                array.resize(array.len().max(end), 0);
                array[start..end].fill(version);
                if random.below(4) == 0 {
                    let size = random.index(400);
                    extents.set_size(size as u64);
                    array.resize(size, 0);
                }
                assert_eq!(extents.size(), array.len() as u64);
                let mut at = 0;
                for (piece, version) in extents.pieces(0..1000) {
                    assert_eq!(piece.start, at);
                    for byte in piece.clone() {
                        let byte = usize::try_from(byte).expect("small");
                        assert_eq!(array[byte], version);
                    }
                    at = piece.end;
                }
                assert_eq!(at, array.len() as u64);
            }
        }
    }
}
