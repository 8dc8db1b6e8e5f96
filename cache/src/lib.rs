//! Hugepage arenas, blocks, pins and eviction.
