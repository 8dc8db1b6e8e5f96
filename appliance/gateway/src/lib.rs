//! What the gateway decides: calls and replies in, actions out.
