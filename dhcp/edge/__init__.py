"""Where DHCP touches the world: sockets, the lease file, clocks."""
