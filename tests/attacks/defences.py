"""Every defence of validation beside the attack it is for and the test that fails without it. Data only: `undefended.py` takes
each away and runs its test; `test_defences.py` sees to it that the table stays true."""

from typing import NamedTuple

TRAPS = "tests/attacks/test_traps.py::test_a_trap_costs_what_it_may"
AGAIN = "tests/attacks/test_traps.py::test_a_hundred_names_of_a_trapped_zone_lead_to_one_look_at_its_keys"
LIES = "tests/attacks/test_lies.py::test_a_lie_is_found_out"
SIGNATURE, KEYS = "tests/unit/test_dnssec_signature.py", "tests/unit/test_dnssec_keys.py"
CHAIN, DENIAL, RANGES = (
    "tests/unit/test_dnssec_chain.py",
    "tests/unit/test_resolver_denial.py",
    "tests/unit/test_resolver_ranges.py",
)


class Defence(NamedTuple):
    """`instead` in the place of `code`, which is once in `file`, takes the defence away. `attack`: the class of fault it is for,
    and where the field had it."""

    attack: str
    file: str
    code: str
    instead: str
    test: str


BUDGET, SIGNED, CHAINED = (f"resolver/dnssec/{name}.py" for name in ("budget", "signature", "chain"))
KEYED, DENIED, NSEC, NSEC3 = (f"resolver/dnssec/{name}.py" for name in ("keys", "denial", "nsec", "nsec3"))
JUDGED, TABLES, REMEMBERED = (f"resolver/dnssec/{name}.py" for name in ("validate", "algorithms", "memory"))

MANY = "1_000_000"

COST = (
    Defence(
        "KeyTrap: keys that share a tag (CVE-2023-50387)",
        BUDGET,
        "COLLIDING_KEYS = 2",
        f"COLLIDING_KEYS = {MANY}",
        f"{TRAPS}[KeyTrap, answer]",
    ),
    Defence(
        "KeyTrap, LockCram: one signature, many keys",
        BUDGET,
        "COLLIDING_KEYS = 2",
        f"COLLIDING_KEYS = {MANY}",
        f"{TRAPS}[LockCram]",
    ),
    Defence(
        "SigJam: many signatures, one key", BUDGET, "SIGNATURES = 8\n", f"SIGNATURES = {MANY}\n", f"{TRAPS}[SigJam]"
    ),
    Defence(
        "KeyTrap over an answer's whole chain",
        SIGNED,
        "            budget.fail(cost)\n",
        "",
        f"{TRAPS}[aliases through signed zones]",
    ),
    Defence(
        "KeyTrap in a dear algorithm (P-384 costs six)",
        TABLES,
        "SHA384(), 48), 6)",
        "SHA384(), 48), 1)",
        f"{TRAPS}[KeyTrap, algorithm 14]",
    ),
    Defence(
        "one budget for a question, never refilled (CVE-2026-50045)",
        BUDGET,
        "        self.units -= cost\n",
        "",
        f"{CHAIN}::test_a_spent_budget_ends_it_and_stays_spent",
    ),
    Defence(
        "HashTrap: DS and keys that share a tag",
        BUDGET,
        "DS_MISMATCHES = 4",
        f"DS_MISMATCHES = {MANY}",
        f"{TRAPS}[HashTrap]",
    ),
    Defence(
        "many DS times many keys, looked at one by one",
        SIGNED,
        "return self._named.get((tag, algorithm), [])",
        "return [key for key in self.keys if (key.tag, key.algorithm) == (tag, algorithm)]",
        f"{TRAPS}[200 DS, 200 keys]",
    ),
    Defence("many DS", CHAINED, "if records > RECORDS_OF_AN_ANSWER:", "if False:", f"{TRAPS}[many DS, many keys]"),
    Defence(
        "thousands of keys (CVE-2025-8677)",
        CHAINED,
        "if records > RECORDS_OF_AN_ANSWER:",
        "if False:",
        f"{TRAPS}[3,000 keys]",
    ),
    Defence(
        "many keys in each zone of a chain",
        BUDGET,
        "        self.records -= records\n",
        "",
        f"{TRAPS}[aliases through zones of 180 keys]",
    ),
    Defence(
        "an RRset of thousands of records",
        BUDGET,
        "RECORDS_OF_A_SET = 256",
        f"RECORDS_OF_A_SET = {MANY}",
        f"{TRAPS}[3,500 addresses]",
    ),
    Defence(
        "much to hash for each signature",
        SIGNED,
        " + len(data) // OCTETS_A_UNIT",
        "",
        f"{TRAPS}[signatures over 50 kB]",
    ),
    Defence("a chain of zones without end", BUDGET, "STEPS = 16", f"STEPS = {MANY}", f"{TRAPS}[zones below zones]"),
    Defence(
        "a walk for DS along a hundred labels (DS walk)",
        BUDGET,
        "WALKED = 16",
        f"WALKED = {MANY}",
        f"{TRAPS}[unsigned below 100 labels]",
    ),
    Defence(
        "questions without end",
        BUDGET,
        "        self.questions -= 1\n",
        "",
        "tests/attacks/test_traps.py::test_a_chain_asks_no_more_than_it_may",
    ),
    Defence(
        "a padded negative answer (CVE-2026-11605)", BUDGET, "PROOFS = 16", f"PROOFS = {MANY}", f"{TRAPS}[60 NSEC]"
    ),
    Defence(
        "a padded negative answer, signatures wrong",
        BUDGET,
        "WRONG_UNITS = 24",
        f"WRONG_UNITS = {MANY}",
        f"{TRAPS}[60 NSEC, wrong signatures first]",
    ),
    Defence(
        "NSEC3 closest encloser (CVE-2023-50868): iterations times labels",
        NSEC3,
        "ROUNDS = 20",
        f"ROUNDS = {MANY}",
        f"{TRAPS}[NSEC3 encloser, deep]",
    ),
    Defence(
        "NSEC3 closest encloser: names hashed",
        NSEC3,
        "            self.left -= 1\n",
        "",
        f"{DENIAL}::test_hashes_are_counted_over_all_proofs_of_a_question_and_none_is_made_twice",
    ),
    Defence(
        "NSEC3 closest encloser: from the apex down",
        NSEC3,
        "return within[::-1]",
        "return within",
        f"{DENIAL}::test_a_name_of_many_labels_costs_few_hashes",
    ),
    Defence(
        "NSEC3 iterations (CVE-2026-1519 on referrals)",
        NSEC3,
        "if hashing.iterations > MAX_ITERATIONS:",
        "if False:",
        f"{TRAPS}[NSEC3 with 2,500 iterations, insecure referral]",
    ),
    Defence(
        "NSEC3 iterations on denials",
        NSEC3,
        "MAX_ITERATIONS = 50",
        "MAX_ITERATIONS = 150",
        f"{TRAPS}[NSEC3 with 51 iterations]",
    ),
    Defence(
        "the same zone again and again",
        REMEMBERED,
        "BOGUS_SECONDS = 30",
        "BOGUS_SECONDS = 0",
        f"{AGAIN}[KeyTrap, keys-5-12]",
    ),
    Defence(
        "the same zone again and again, never verified",
        REMEMBERED,
        "UNKNOWN_SECONDS = 5",
        "UNKNOWN_SECONDS = 0",
        f"{AGAIN}[3,000 keys-5-4]",
    ),
    Defence(
        "RSA keys of any size",
        TABLES,
        "if not least <= modulus.bit_length() <= RSA_BITS[1] or exponent.bit_length() > RSA_EXPONENT_BITS:",
        "if False:",
        "tests/unit/test_dnssec_signature.py::test_rsa_keys_of_sizes_that_are_not_in_use_are_wrong",
    ),
)

PROOF = (
    Defence(
        "RRSIG labels fewer than the signer's (unbound 44690, BIND 11721, PowerDNS 52688)",
        SIGNED,
        "if not signing.labels <= signature.labels <= labels_of(rrset.owner):",
        "if not signature.labels <= labels_of(rrset.owner):",
        f"{SIGNATURE}::test_fewer_labels_than_the_signer_has_do_not_fit",
    ),
    Defence(
        "next name outside the zone (BIND 13321)",
        NSEC,
        "if not (is_below(owner, zone) and is_below(found.next, zone)):",
        "if not is_below(owner, zone):",
        f"{DENIAL}::test_a_next_name_outside_the_zone_proves_nothing",
    ),
    Defence(
        "NSEC3 of another name than its signer (BIND 10723)",
        NSEC3,
        " or parent(owner) != zone:",
        ":",
        f"{DENIAL}::test_an_nsec3_below_another_name_than_its_signer_proves_nothing",
    ),
    Defence(
        "NSEC expanded from a wildcard as proof (CVE-2017-15105)",
        NSEC,
        "record.wildcard is not None or ",
        "",
        f"{DENIAL}::test_an_nsec_expanded_from_a_wildcard_proves_nothing",
    ),
    Defence(
        "NSEC3 expanded from a wildcard as proof",
        NSEC3,
        "record.wildcard is not None or ",
        "",
        f"{DENIAL}::test_an_nsec3_expanded_from_a_wildcard_proves_nothing",
    ),
    Defence(
        "wildcard replay: the proof for an expansion is needed",
        JUDGED,
        "        if proved.wildcard is None:\n",
        "        if True:\n",
        f"{LIES}[wildcard replay]",
    ),
    Defence(
        "wildcard replay for an alias (PowerDNS 52686)",
        JUDGED,
        "        if proved.wildcard is None:\n",
        "        if True:\n",
        f"{LIES}[wildcard alias replay]",
    ),
    Defence(
        "a DNAME made from a wildcard",
        JUDGED,
        "            case Verified(rrset=rrset, wildcard=None):",
        "            case Verified(rrset=rrset):",
        f"{LIES}[wildcard DNAME]",
    ),
    Defence(
        "ancestor-delegation NSEC (RFC 6840 §4.1)",
        NSEC,
        " or is_below(name, self.owner)",
        "",
        f"{DENIAL}::test_nothing_is_denied_below_a_cut_by_the_ancestors_record",
    ),
    Defence(
        "ancestor-delegation NSEC3",
        NSEC3,
        "return None if ends_here(above) or _NXNAME in above else Encloser",
        "return Encloser",
        f"{DENIAL}::test_an_nsec3_of_an_ancestor_zone_denies_nothing_below_the_cut",
    ),
    Defence(
        "the parent's NSEC as the child's (RFC 6840 §4.1)",
        DENIED,
        "if rrtype != _DS and _is_delegation(types):",
        "if False:",
        f"{DENIAL}::test_the_parents_record_at_a_cut_denies_ds_only",
    ),
    Defence(
        "the child's NSEC as the parent's (RFC 6840 §4.4)",
        DENIED,
        "if _DS in types or _SOA in types:",
        "if _DS in types:",
        f"{DENIAL}::test_an_insecure_delegation_needs_ns_and_neither_ds_nor_soa",
    ),
    Defence(
        "opt-out is no AD (RFC 5155 §9.2)",
        JUDGED,
        "                if found.opt_out:\n",
        "                if False:\n",
        f"{CHAIN}::test_absence_in_a_range_that_opts_out_is_insecure",
    ),
    Defence(
        "opt-out in ranges (RFC 8198 §5.1)",
        "resolver/cache/ranges.py",
        "NoName | NoData | WildcardNoData) and not found.opt_out:",
        "NoName | NoData | WildcardNoData):",
        f"{RANGES}::test_opt_out_ranges_deny_no_name_and_no_type",
    ),
    Defence(
        "downgrade: an unknown algorithm beside a known one (dnssec-downgrade.net)",
        KEYED,
        "    if not known:\n",
        "    if len(known) < len(records):\n",
        f"{KEYS}::test_an_unknown_ds_beside_a_known_one_cannot_make_a_zone_insecure",
    ),
    Defence(
        "downgrade: SHA-1 beside SHA-2 (RFC 4509 §3)",
        KEYED,
        "policy.digests[record.digest_type].rank == best))",
        "policy.digests[record.digest_type].rank <= best))",
        f"{KEYS}::test_a_forged_sha1_ds_is_no_way_in_beside_a_better_one",
    ),
    Defence(
        "iterations beyond the limit make insecure only what is signed (RFC 9276 §3.2)",
        CHAINED,
        "            if isinstance(found, Unsigned):\n                failure = found",
        "            if isinstance(found, Unsigned) and rrset.rrtype == _NSEC3:\n                "
        "records.append(Verified(rrset, zone))\n"
        "            elif isinstance(found, Unsigned):\n                failure = found",
        f"{LIES}[iterations raised by the liar]",
    ),
    Defence(
        "an insecure record excuses nothing (routedns)",
        JUDGED,
        "            return proved\n        self.valid = min(self.valid, proved.left)\n        if proved.wildcard",
        "            return None\n        self.valid = min(self.valid, proved.left)\n        if proved.wildcard",
        f"{CHAIN}::test_an_insecure_part_does_not_excuse_a_bogus_one",
    ),
    Defence(
        "a proof of another zone",
        NSEC,
        "record.zone != zone or ",
        "",
        f"{DENIAL}::test_a_proof_from_another_zone_proves_nothing",
    ),
    Defence(
        "a question for DS answered without proof",
        CHAINED,
        "        if not isinstance(absence, Absence):\n            return absence\n",
        "        if not isinstance(absence, Absence):\n            return Insecure(None, 60)\n",
        f"{LIES}[no DS, without proof]",
    ),
    Defence(
        "a DS signed by its own zone",
        SIGNED,
        " or (rrset.rrtype == _DS and rrset.owner == zone):",
        ":",
        f"{SIGNATURE}::test_the_ds_of_a_zone_is_not_the_zones_own_to_sign",
    ),
    Defence(
        "an answer to another question",
        JUDGED,
        "if (rrset.owner, rrset.rrtype) != (name, rrtype):",
        "if False:",
        f"{CHAIN}::test_an_answer_to_another_question_is_bogus_though_it_is_signed",
    ),
    Defence(
        "an alias that leads elsewhere than its record says",
        JUDGED,
        "return link.rrset.rdatas == (link.target,)",
        "return True",
        f"{CHAIN}::test_an_alias_leads_where_its_record_says",
    ),
    Defence(
        "old signatures",
        SIGNED,
        "    if serial(now, expiration) > skew:\n        return EXPIRED\n",
        "",
        f"{LIES}[signatures that have expired]",
    ),
    Defence(
        "signatures of the future",
        SIGNED,
        "return NOT_YET if serial(inception, now) > skew else None",
        "return None",
        f"{CHAIN}::test_signatures_that_are_not_valid_yet",
    ),
    Defence(
        "a revoked key (RFC 5011)",
        SIGNED,
        "key.flags & (ZONE_KEY | REVOKED) == ZONE_KEY",
        "key.flags & ZONE_KEY == ZONE_KEY",
        f"{SIGNATURE}::test_a_revoked_key_signs_nothing",
    ),
    Defence(
        "keys that no DS vouches for",
        KEYED,
        "proved = prove(dnskeys, Signing(zone, entries,",
        "proved = prove(dnskeys, Signing(zone, keys,",
        f"{KEYS}::test_keys_that_the_right_one_did_not_sign_are_not_trusted",
    ),
    Defence(
        "NSEC3 hashed in different ways (RFC 5155 §8.2)",
        NSEC3,
        "if any(found.hashing != hashing for found in ranges):",
        "if False:",
        f"{DENIAL}::test_nsec3_records_hashed_in_different_ways_prove_nothing_together",
    ),
    Defence(
        "NXNAME beside other types (RFC 9824)",
        NSEC,
        "return _NXNAME in types and len(types) == ",
        "return _NXNAME in types or len(types) == ",
        f"{DENIAL}::test_nxname_beside_other_types_or_at_the_apex_is_no_denial",
    ),
    Defence(
        "a wildcard denied at the closest encloser",
        DENIED,
        '        if star is None:\n            return Unproved("nothing shows that no wildcard',
        '        if False:\n            return Unproved("nothing shows that no wildcard',
        f"{LIES}[no name, without the wildcard's proof]",
    ),
    Defence(
        "the SOA of a denial is signed, too",
        JUDGED,
        "        if end.soa is not None and absence.soa is None:\n",
        "        if False:\n",
        f"{LIES}[an SOA with another TTL to live]",
    ),
    Defence(
        "TTLs bounded by signatures (RFC 4035 §5.3.3)",
        SIGNED,
        "ttl = min(rrset.ttl, most)",
        "ttl = rrset.ttl",
        f"{CHAIN}::test_ttls_are_bounded_by_the_signatures",
    ),
    Defence(
        "proofs that were not proved are dropped",
        JUDGED,
        "        if proved.wildcard is None:\n            return proved.rrset, ()\n",
        "        if proved.wildcard is None:\n            return proved.rrset, self._proofs\n",
        f"{CHAIN}::test_proofs_that_prove_nothing_are_dropped",
    ),
)
