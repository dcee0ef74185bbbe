"""The words for what became of a message: names of counters, with a text each. No word and no text says who it was."""

WHY: dict[str, str] = {
    # what went well
    "offered": "an address was offered",
    "reservation-in-use": "a reserved address is used by somebody else: another one was offered",
    "acked": "a lease was given to a client that chose our offer",
    "rapid": "a lease was given at once (rapid commit)",
    "rebooted": "a client came back and keeps its address",
    "renewed": "a lease was renewed",
    "rebound": "a lease was renewed by broadcast",
    "recovered": "a client keeps an address that we knew nothing of, because nobody else has it",
    "informed": "a client that has an address was told the rest",
    "released": "a client gave its address back",
    "ipv6-only": "a client does without an IPv4 address (RFC 8925)",
    "advertised": "addresses or prefixes were offered (DHCPv6)",
    "leased": "a client that chose our offer was answered (DHCPv6)",
    "confirmed": "a client came back to its link and keeps its addresses (DHCPv6)",
    # what waits for the link
    "probe": "somebody may have that address: the link is asked first",
    "reclaim": "nothing is free: the link is asked whether a device that was not seen for long is still there",
    # what was answered with no
    "wrong-network": "refused: an address of another network",
    "wrong-address": "refused: not the address the client has, or not one it may have",
    # what ends without an answer
    "declined": "a client found its address in use: nobody gets it for a while",
    "other-server": "a client chose another server",
    "unknown-client": "a client asked for an address it had of somebody else; RFC 2131 wants silence",
    "no-address-asked": "a REQUEST without an address",
    "not-the-holder": "a RELEASE or DECLINE of who does not hold that lease, or for another server, or a DECLINE long after",
    "inform-unknown": "an INFORM from an address in none of our subnets",
    "pool-full": "no address is free",
    "share-full": "devices that change their hardware address have their share of the pool",
    "no-pool": "no pool of that network is for this client",
    "offers-full": "too many offers are held for clients that never come back",
    "ignored": "a client that is to be ignored",
    "limited": "a client, or all newcomers together, sent too much",
    "nothing-to-confirm": "a CONFIRM without addresses (DHCPv6)",
    # what is not for us
    "stateless": "a client that wants addresses or prefixes where only the rest is given (DHCPv6)",
    "unicast": "a client's message that was not sent by multicast (DHCPv6)",
    "not-for-servers": "a message type that is not for servers (DHCPv6)",
    "no-client-identifier": "a message without a client identifier that must have one (DHCPv6)",
    "no-server-identifier": "a message without a server identifier that must have one (DHCPv6)",
    "unexpected-server-identifier": "a message to all servers that names one (DHCPv6)",
    "unexpected-association": "an Information-request with an identity association (DHCPv6)",
    "no-source": "a message from nowhere: it cannot be answered",
    "bootp": "a BOOTP message: not served",
    "malformed": "not a DHCP message",
    "not-a-request": "a server's message, sent to servers",
    "unknown-type": "a message type that servers do not answer",
    "nobody": "neither a client identifier nor a hardware address to know the client by",
    "no-subnet": "no subnet is configured for that network",
    "no-address": "the interface has no address to answer from",
    "relay-refused": "relayed by somebody who is not in the list of relays",
    # beside the outcome of a message
    "quarantined": "somebody answered a probe for an address that nobody should have",
    "expired": "a lease ended",
}
"""Every `Outcome.why`, and what the edge counts besides."""

TURNED_AWAY = frozenset({"pool-full", "share-full", "offers-full", "no-subnet", "no-address"})
"""What a newcomer must not meet where addresses are given."""

EDGE: dict[str, str] = {
    "not-kept": "no reply, for the disk did not take the lease",
    "not-sent": "a reply that could not be sent: the interface or the way is gone",
    "disk-refused": "times that the disk did not take what changed",
    "news-missed": "the kernel told of interfaces what does not decode, or more than it could keep: it was asked anew",
    "conflict-ignored": "a host said of more addresses that they are taken than one host has in an hour: not believed",
    "options-dropped": "options that had no place in a reply",
    "probes-full": "too many addresses are asked about at once",
    "other-server-heard": "another DHCP server answers clients on a link of ours",
    "other-server6-heard": "another DHCPv6 server answers clients on a link of ours",
    "other-router-heard": "another router advertises itself where we do",
    "router-heard": "a router advertises itself where we do not",
    "malformed-neighbour": "a message of neighbour discovery that is not to be believed",
    "solicited": "a host asked for router advertisements",
    "router-advertised": "a router advertisement was sent",
}
"""What `dhcp/edge/` counts of what it does itself."""
