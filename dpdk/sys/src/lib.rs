//! Raw bindings to libdpdk 22.11 to 25.11.
