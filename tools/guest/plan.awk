# What network_data.json (flattened) wants of the nic with the address `mac`, one step a line:
#   mtu 1400 | static ADDRESS NETMASK-OR-PREFIX | route NETWORK NETMASK GATEWAY | dhcp
# A link without IPv4 networks, or a nic that is not named there, asks DHCP.

BEGIN { FS = "\t" }

{ of[$1] = $2; split($1, part, ".") }
part[1] == "links" && part[3] == "ethernet_mac_address" && tolower($2) == mac { link = part[2]; known = 1 }
part[1] == "networks" && part[2] + 0 >= networks { networks = part[2] + 1 }

END {
    if (known && of["links." link ".mtu"]) print "mtu", of["links." link ".mtu"]
    for (n = 0; known && n < networks; n++) {
        at = "networks." n "."
        if (of[at "link"] != of["links." link ".id"]) continue
        if (of[at "type"] == "ipv4_dhcp") { print "dhcp"; planned = 1 }
        if (of[at "type"] == "ipv4") { static(at); planned = 1 }
    }
    if (!planned) print "dhcp"
}

function static(at,    address, mask, r) {
    address = of[at "ip_address"]
    mask = of[at "netmask"] ? of[at "netmask"] : 32
    if (index(address, "/")) {
        mask = substr(address, index(address, "/") + 1)
        sub(/\/.*/, "", address)
    }
    print "static", address, mask
    if (of[at "gateway"]) print "route 0.0.0.0 0", of[at "gateway"]
    for (r = 0; (at "routes." r ".gateway") in of; r++)
        print "route", of[at "routes." r ".network"], of[at "routes." r ".netmask"], of[at "routes." r ".gateway"]
}
