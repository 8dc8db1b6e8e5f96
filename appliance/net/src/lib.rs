//! Sans-IO Ethernet, ARP, IPv4, ICMP and TCP.
