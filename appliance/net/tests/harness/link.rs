//! Two stacks on a link that loses, repeats and reorders frames as a seed says.
