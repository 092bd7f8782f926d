"""What BIRD is told in the world: routers that speak eBGP with their neighbours, and edges with their
region's router. A route's length in networks decides; ways of one length are all used (ECMP)."""

from lab.bird import SESSION

# Nobody hears a router for so long: its routes go. As networks with BFD have it.
BFD_MS, BFD_TIMES = 200, 5
GONE_S = BFD_MS * BFD_TIMES / 1000

LEAD = f"""router id {{id}};
protocol device {{{{ scan time 1; }}}}
protocol bfd {{{{
  interface "*" {{{{ min rx interval {BFD_MS} ms; min tx interval {BFD_MS} ms; multiplier {BFD_TIMES}; }}}};
}}}}
"""
KERNEL = """protocol direct { ipv4; ipv6; interface "eth*"; }
protocol kernel { merge paths on; ipv4 { import none; export where source != RTS_DEVICE; }; }
protocol kernel { merge paths on; ipv6 { import none; export where source != RTS_DEVICE; }; }
"""


def session(name, system, peer, family, address, channel):
    return (
        f"protocol bgp {name} {{\n"
        f"  local as {system}; neighbor {address} as {peer}; bfd on;{SESSION}"
        f"  ipv{family} {{ {channel} }};\n}}\n"
    )


def word(name, family):
    """A name that BIRD takes for a protocol."""
    return f"{name.replace('-', '_')}_{family}"


def router_config(atlas, name, router_id):
    """Edges are told nothing: they have one way out."""
    text = LEAD.format(id=router_id) + KERNEL
    for one in atlas.sessions[name]:
        channel = "import all; " + ("export none;" if one.is_edge else "export all;")
        for family, address in ((4, one.four), (6, one.six)):
            text += session(
                word(one.peer, family), atlas.system(name), one.system, family, address, channel
            )
    return text


def edge_config(region, address, include):
    """What weir announces goes to the region's router."""
    text = LEAD.format(id=address) + f'include "{include}*";\n'
    for family, router in ((4, f"10.{region.number}.0.1"), (6, f"fd00:1:{region.number}::1")):
        channel = 'import none; export where proto ~ "weir_*";'
        text += session(word("router", family), region.system + 1, region.system, family, router, channel)
    return text
