// Code generated from docs/openapi.json by internal/generate; DO NOT EDIT.

package kinds

// All holds every kind that there is.
var All = []Kind{
	{Name: "Certificate", Plural: "certificates", Doc: "a certificate chain and its key, named by HTTPS listeners", Spec: ofCertificateSpec, Status: ofAppliedStatus, Writable: true},
	{Name: "DnsLedger", Plural: "dnsledgers", Doc: "the records that weir has made at a provider in one zone", Spec: ofDnsLedgerSpec},
	{Name: "DnsProvider", Plural: "dnsproviders", Doc: "somebody else's name servers, to which zones are written", Spec: ofDnsProviderSpec, Status: ofDnsProviderStatus, Writable: true},
	{Name: "DnsWeights", Plural: "dnsweights", Doc: "the weights that weir has computed for the RecordSet of the same name", Spec: ofDnsWeightsSpec, Status: ofDnsWeightsStatus},
	{Name: "Edge", Plural: "edges", Doc: "a registered machine that carries traffic", Spec: ofEdgeSpec, Status: ofEdgeStatus, Writable: true},
	{Name: "Endpoint", Plural: "endpoints", Doc: "one endpoint that joined a service by itself", Spec: ofEndpointSpec, Status: ofEndpointStatus, Writable: true},
	{Name: "Event", Plural: "events", Doc: "one line of the audit: who changed what and when", Spec: ofEventSpec},
	{Name: "Instance", Plural: "instances", Doc: "one of a workload's, on a node", Spec: ofInstanceSpec, Status: ofInstanceStatus},
	{Name: "LoadBalancer", Plural: "loadbalancers", Doc: "listeners for clients, and routes from there to services", Spec: ofLoadBalancerSpec, Status: ofLoadBalancerStatus, Writable: true},
	{Name: "Node", Plural: "nodes", Doc: "a registered machine that runs containers", Spec: ofNodeSpec, Status: ofNodeStatus, Writable: true},
	{Name: "Organization", Plural: "organizations", Doc: "whose objects are apart from everybody else's", Spec: ofOrganizationSpec, Writable: true},
	{Name: "RecordSet", Plural: "recordsets", Doc: "the records of one name and type in a zone, and which of them a client gets", Spec: ofRecordSetSpec, Status: ofRecordSetStatus, Writable: true},
	{Name: "Rollout", Plural: "rollouts", Doc: "a change that reaches the edges in waves, and goes back by itself", Spec: ofRolloutSpec, Status: ofRolloutStatus, Writable: true},
	{Name: "Secret", Plural: "secrets", Doc: "texts that are written and never shown", Spec: ofSecretSpec, Status: ofAppliedStatus, Writable: true},
	{Name: "Service", Plural: "services", Doc: "a pool of endpoints with its balancing policy and health check", Spec: ofServiceSpec, Status: ofServiceStatus, Writable: true},
	{Name: "Session", Plural: "sessions", Doc: "somebody who is logged in", Spec: ofSessionSpec, Status: ofSessionStatus, Told: true},
	{Name: "Token", Plural: "tokens", Doc: "lets a program or a person use the API", Spec: ofTokenSpec, Writable: true, Told: true},
	{Name: "Tunnel", Plural: "tunnels", Doc: "a live way to an origin that came to an edge by itself", Spec: ofTunnelSpec},
	{Name: "User", Plural: "users", Doc: "an account: who owns load balancers, services and tunnels", Spec: ofUserSpec, Writable: true},
	{Name: "Workload", Plural: "workloads", Doc: "containers, and how many of them run where", Spec: ofWorkloadSpec, Status: ofWorkloadStatus, Writable: true},
	{Name: "Zone", Plural: "zones", Doc: "a domain that weir's name servers answer for, by its name", Spec: ofZoneSpec, Status: ofZoneStatus, Writable: true},
}

var ofCertificateSpec = &Struct{Name: "CertificateSpec", Fields: []Field{
	{Name: "certificate", Shape: Text, Min: 1, Max: 262144, Required: true,
		Doc: "PEM chain, the server's own first"},
	{Name: "private_key", Shape: Text, Max: 262144, Secret: true,
		Doc: "PEM, of the first certificate; absent in an update: as before"},
}}

var ofRefusedBy = &Struct{Name: "RefusedBy", Fields: []Field{
	{Name: "edge", Shape: Text, Max: 256,
		Doc: "which goes on with what was before"},
	{Name: "reason", Shape: Text, Max: 4096,
		Doc: "in its own words"},
}}

var ofAppliedStatus = &Struct{Name: "AppliedStatus", Fields: []Field{
	{Name: "applied", Shape: Text, Max: 256,
		Doc: "edges that have it as it is, of all that carry it"},
	{Name: "refused", Shape: List, Of: Object, ItemsMax: 16, Struct: ofRefusedBy,
		Doc: "edges that could not take it up, and why"},
}}

var ofDnsLedgerSpec = &Struct{Name: "DnsLedgerSpec", Fields: []Field{
	{Name: "provider", Shape: Text, Min: 1, Max: 63, Required: true,
		Doc: "name of the DnsProvider"},
	{Name: "zone", Shape: Text, Min: 1, Max: 253, Required: true,
		Doc: "name of the Zone"},
	{Name: "records", Shape: List, Of: Text, ItemsMax: 100000, Max: 300,
		Doc: "name and type of each: www.example.com. A"},
}}

var ofDnsProviderSpec = &Struct{Name: "DnsProviderSpec", Fields: []Field{
	{Name: "type", Shape: Word, Words: []string{"CLOUDFLARE", "ROUTE53", "POWERDNS", "RFC2136"}, Required: true,
		Doc: "which API it has"},
	{Name: "url", Shape: Text, Max: 2048,
		Doc: "where that API is: http://127.0.0.1:8081; of RFC2136: host:port; absent: the provider's own"},
	{Name: "credentials", Shape: Text, Min: 1, Max: 63, Required: true,
		Doc: "a Secret. CLOUDFLARE: token; ROUTE53: access_key_id, secret_access_key, session_token; POWERDNS: api_key; RFC2136: name, algorithm, secret"},
	{Name: "ca", Shape: Text, Max: 262144,
		Doc: "PEM bundle that its certificate is verified with; absent: the system's"},
	{Name: "zones", Shape: List, Of: Text, ItemsMax: 1000, ItemsMin: 1, Min: 1, Max: 253, Required: true,
		Doc: "Zones that are written there, under the same names"},
	{Name: "changes_percent_max", Shape: Integer, Max: 100, Default: `30`,
		Doc: "of a zone's records there; a change of more is only made when it is forced"},
	{Name: "automatic", Shape: Bool, Default: `true`,
		Doc: "false: it is written only by weir provider sync"},
	{Name: "interval", Shape: Duration, Min: 1000000000, Max: 86400000000000, Default: `"5m"`,
		Doc: "at which it is compared with what is there"},
}}

var ofDnsProviderZoneStatus = &Struct{Name: "DnsProviderZoneStatus", Fields: []Field{
	{Name: "zone", Shape: Text, Max: 253,
		Doc: "its name"},
	{Name: "synced", Shape: Bool,
		Doc: "whether it is there as it shall be"},
	{Name: "synced_at", Shape: Time,
		Doc: "when that was last seen; absent: never"},
	{Name: "records", Shape: Integer,
		Doc: "record sets there that weir has made"},
	{Name: "reason", Shape: Text, Max: 4096,
		Doc: "why it is not as it shall be"},
}}

var ofDnsProviderStatus = &Struct{Name: "DnsProviderStatus", Fields: []Field{
	{Name: "zones", Shape: List, Of: Object, ItemsMax: 1000, Struct: ofDnsProviderZoneStatus,
		Doc: "how each of them stands"},
}}

var ofProviderWeight = &Struct{Name: "ProviderWeight", Fields: []Field{
	{Name: "provider", Shape: Text, Min: 1, Max: 63, Required: true,
		Doc: "its name"},
	{Name: "weight", Shape: Integer, Max: 1000, Default: `0`,
		Doc: "of 1000: its share of the replies"},
	{Name: "price", Shape: Text, Max: 20,
		Doc: "that it was computed with"},
	{Name: "capacity", Shape: Integer, Max: 1000000000, Default: `0`,
		Doc: "likewise, in requests per second"},
	{Name: "load", Shape: Integer, Default: `0`,
		Doc: "requests per second that its edges carried then"},
}}

var ofDnsWeightsSpec = &Struct{Name: "DnsWeightsSpec", Fields: []Field{
	{Name: "zone", Shape: Text, Min: 1, Max: 253, Required: true,
		Doc: "of the RecordSet"},
	{Name: "providers", Shape: List, Of: Object, ItemsMax: 16, Struct: ofProviderWeight,
		Doc: "what each gets, and why"},
	{Name: "computed_at", Shape: Time,
		Doc: "when that was"},
}}

var ofDnsWeightsStatus = &Struct{Name: "DnsWeightsStatus", Fields: []Field{
	{Name: "reason", Shape: Text, Max: 4096,
		Doc: "why none are computed now: the last ones stay"},
}}

var ofEdgeSpec = &Struct{Name: "EdgeSpec", Fields: []Field{
	{Name: "provider", Shape: Text, Max: 256,
		Doc: "the cloud it runs in"},
	{Name: "region", Shape: Text, Max: 256,
		Doc: "the provider's name of the region"},
	{Name: "city", Shape: Text, Max: 256,
		Doc: "where it is"},
	{Name: "address", Shape: Text, Max: 256,
		Doc: "by which clients reach it"},
	{Name: "version", Shape: Text, Max: 256,
		Doc: "of its program"},
	{Name: "capabilities", Shape: List, Of: Text, ItemsMax: 64, Min: 1, Max: 63,
		Doc: "what it can do"},
	{Name: "revoked", Shape: Bool, Default: `false`,
		Doc: "true: its certificate counts no more, and it gets no other"},
}}

var ofRefusedObject = &Struct{Name: "RefusedObject", Fields: []Field{
	{Name: "object", Shape: Text, Max: 256,
		Doc: "such as Service/web"},
	{Name: "reason", Shape: Text, Max: 4096,
		Doc: "in its own words"},
}}

var ofAnycastStatus = &Struct{Name: "AnycastStatus", Fields: []Field{
	{Name: "network", Shape: Text, Max: 256,
		Doc: "that is announced for the address"},
	{Name: "route", Shape: Text, Max: 256,
		Doc: "announced, prepended (as one that drains) or withdrawn"},
	{Name: "reason", Shape: Text, Max: 4096,
		Doc: "why it is not announced"},
}}

var ofEdgeStatus = &Struct{Name: "EdgeStatus", Fields: []Field{
	{Name: "attached", Shape: Bool,
		Doc: "whether it reports now"},
	{Name: "since", Shape: Time,
		Doc: "when that began"},
	{Name: "applied_revision", Shape: Integer,
		Doc: "of the snapshot that it serves"},
	{Name: "applied_at", Shape: Time,
		Doc: "when it had that"},
	{Name: "connections", Shape: Integer,
		Doc: "of clients, now"},
	{Name: "endpoints", Shape: Text, Max: 256,
		Doc: "that it finds healthy, of all it checks"},
	{Name: "refused", Shape: List, Of: Object, ItemsMax: 64, Struct: ofRefusedObject,
		Doc: "what it could not take up; it goes on with what was before"},
	{Name: "anycast", Shape: List, Of: Object, ItemsMax: 64, Struct: ofAnycastStatus,
		Doc: "the addresses that it shares, by BGP"},
}}

var ofTunnelSlot = &Struct{Name: "TunnelSlot", Fields: []Field{
	{Name: "port", Shape: Integer, Min: 1, Max: 65535, Required: true,
		Doc: "that a client asks for, as in ssh -R PORT:...; no other Endpoint has it"},
}}

var ofEndpointSpec = &Struct{Name: "EndpointSpec", Fields: []Field{
	{Name: "service", Shape: Text, Min: 1, Max: 63, Required: true,
		Doc: "name of the Service that it joins"},
	{Name: "address", Shape: Text, Max: 260,
		Doc: "host:port; the host is an IPv4 address, an [IPv6] address or a DNS name"},
	{Name: "tunnel", Shape: Object, Struct: ofTunnelSlot,
		Doc: "in place of address: kept for an origin that comes by a tunnel"},
	{Name: "weight", Shape: Integer, Max: 1000, Default: `1`,
		Doc: "share of the requests, relative to the others; 0 drains it"},
	{Name: "priority", Shape: Integer, Max: 15, Default: `0`,
		Doc: "lower ones serve first, higher ones only when no lower one can"},
	{Name: "zone", Shape: Text, Max: 63,
		Doc: "where it is: edges of the region of that name prefer it"},
	{Name: "instance", Shape: Text, Max: 63,
		Doc: "its name for people, as DNS-SD shows it; absent: the object's"},
	{Name: "version", Shape: Text, Max: 63,
		Doc: "of what runs there: 1.4.2, blue; clients may ask for one"},
	{Name: "text", Shape: List, Of: Text, ItemsMax: 64, Max: 255,
		Doc: "for its TXT record: key=value, or a key alone"},
	{Name: "lease", Shape: Duration, Min: 1000000000, Max: 86400000000000,
		Doc: "it is removed when it was not renewed for so long; absent: it stays"},
	{Name: "expires_at", Shape: Time, ServerSet: true,
		Doc: "when it is removed, unless it is renewed before"},
}}

var ofEndpointStatus = &Struct{Name: "EndpointStatus", Fields: []Field{
	{Name: "applied", Shape: Text, Max: 256,
		Doc: "edges that have it as it is, of all that carry it"},
	{Name: "refused", Shape: List, Of: Object, ItemsMax: 16, Struct: ofRefusedBy,
		Doc: "edges that could not take it up, and why"},
	{Name: "address", Shape: Text, Max: 256,
		Doc: "where requests go"},
	{Name: "name", Shape: Text, Max: 256,
		Doc: "as it is given, when that is a DNS name"},
	{Name: "health", Shape: Word, Words: []string{"UNKNOWN", "HEALTHY", "UNHEALTHY", "EJECTED", "UNCHECKED"},
		Doc: "UNKNOWN: not checked yet; EJECTED: taken out by what its answers were; UNCHECKED: nothing checks it"},
	{Name: "since", Shape: Time,
		Doc: "when that was found"},
	{Name: "reason", Shape: Text, Max: 256,
		Doc: "why it is not served"},
}}

var ofEventSpec = &Struct{Name: "EventSpec", Fields: []Field{
	{Name: "time", Shape: Time,
		Doc: "when"},
	{Name: "actor", Shape: Text, Max: 256,
		Doc: "who: the name of a Token, of a machine, or rollout/NAME"},
	{Name: "verb", Shape: Text, Max: 256,
		Doc: "create, update, delete, rollback, enroll, renew or connect; of a rollout also begin (a wave), finish, withdraw or refuse"},
	{Name: "kind", Shape: Text, Max: 256,
		Doc: "of the object"},
	{Name: "name", Shape: Text, Max: 256,
		Doc: "of the object; of a rollback: the revision that it went back to"},
	{Name: "revision", Shape: Integer, Default: `0`,
		Doc: "that the change made"},
	{Name: "remote_address", Shape: Text, Max: 256,
		Doc: "from where"},
	{Name: "reason", Shape: Text, Max: 4096,
		Doc: "why it was refused or withdrawn; absent: it was done"},
	{Name: "before", Shape: JSON,
		Doc: "the object before, without secrets"},
	{Name: "after", Shape: JSON,
		Doc: "the object after, without secrets"},
}}

var ofSecretKey = &Struct{Name: "SecretKey", Fields: []Field{
	{Name: "secret", Shape: Text, Max: 63, Required: true,
		Doc: "name of a Secret"},
	{Name: "key", Shape: Text, Min: 1, Max: 256, Required: true,
		Doc: "of its values"},
}}

var ofEnvVariable = &Struct{Name: "EnvVariable", Fields: []Field{
	{Name: "name", Shape: Text, Min: 1, Max: 256, Required: true,
		Doc: "of the variable"},
	{Name: "value", Shape: Text, Max: 32768,
		Doc: "of the variable"},
	{Name: "secret", Shape: Object, Struct: ofSecretKey,
		Doc: "where its value is, which is told to the node alone"},
}}

var ofContainerPort = &Struct{Name: "ContainerPort", Fields: []Field{
	{Name: "port", Shape: Integer, Min: 1, Max: 65535, Required: true,
		Doc: "that it listens on"},
	{Name: "host_port", Shape: Integer, Max: 65535, Default: `0`,
		Doc: "of the machine, which leads there; absent: of a workload, one that is free; else none"},
	{Name: "host_address", Shape: Text, Max: 64,
		Doc: "of the machine, alone; absent: all of its addresses"},
	{Name: "protocol", Shape: Word, Words: []string{"TCP", "UDP"}, Default: `"TCP"`,
		Doc: "TCP or UDP"},
	{Name: "service", Shape: Text, Max: 63,
		Doc: "whose endpoint it is while the instance is ready"},
}}

var ofResources = &Struct{Name: "Resources", Fields: []Field{
	{Name: "cpu", Shape: Text, Max: 256,
		Doc: "cores at most, such as 500m or 1.5; absent: no limit"},
	{Name: "memory", Shape: Text, Max: 256,
		Doc: "at most, such as 64Mi; who needs more is ended; absent: no limit"},
	{Name: "pids", Shape: Integer, Min: 1, Max: 32768, Default: `512`,
		Doc: "processes and threads at most"},
}}

var ofVolumeMount = &Struct{Name: "VolumeMount", Fields: []Field{
	{Name: "volume", Shape: Text, Max: 63, Required: true,
		Doc: "one of the instance's"},
	{Name: "path", Shape: Text, Max: 4096, Required: true,
		Doc: "where the container has it"},
	{Name: "read_only", Shape: Bool, Default: `false`,
		Doc: "it can't be written there"},
}}

var ofSecurity = &Struct{Name: "Security", Fields: []Field{
	{Name: "user", Shape: Text, Max: 64,
		Doc: "it runs as: name or number, and :group; absent: the image's"},
	{Name: "read_only_root", Shape: Bool, Default: `false`,
		Doc: "only volumes can be written"},
	{Name: "capabilities", Shape: List, Of: Text, ItemsMax: 64, Max: 64,
		Doc: "that it keeps; all others are dropped"},
}}

var ofHttpProbe = &Struct{Name: "HttpProbe", Fields: []Field{
	{Name: "port", Shape: Integer, Min: 1, Max: 65535, Required: true,
		Doc: "that is asked"},
	{Name: "path", Shape: Text, Min: 1, Max: 1024, Default: `"/"`,
		Doc: "passes with 200 to 399"},
	{Name: "host", Shape: Text, Max: 256,
		Doc: "of the Host field"},
}}

var ofTcpProbe = &Struct{Name: "TcpProbe", Fields: []Field{
	{Name: "port", Shape: Integer, Min: 1, Max: 65535, Required: true,
		Doc: "that takes a connection"},
}}

var ofExecProbe = &Struct{Name: "ExecProbe", Fields: []Field{
	{Name: "command", Shape: List, Of: Text, ItemsMax: 64, ItemsMin: 1, Max: 4096, Required: true,
		Doc: "run in the container; passes with exit code 0"},
}}

var ofProbe = &Struct{Name: "Probe", Fields: []Field{
	{Name: "http", Shape: Object, Struct: ofHttpProbe,
		Doc: "by a GET"},
	{Name: "tcp", Shape: Object, Struct: ofTcpProbe,
		Doc: "by connecting"},
	{Name: "exec", Shape: Object, Struct: ofExecProbe,
		Doc: "by a command in the container"},
	{Name: "initial_delay", Shape: Duration, Max: 3600000000000, Default: `"0s"`,
		Doc: "before the first"},
	{Name: "period", Shape: Duration, Min: 100000000, Max: 3600000000000, Default: `"10s"`,
		Doc: "between two"},
	{Name: "timeout", Shape: Duration, Min: 100000000, Max: 3600000000000, Default: `"1s"`,
		Doc: "without an answer it has failed"},
	{Name: "success_threshold", Shape: Integer, Min: 1, Max: 100, Default: `1`,
		Doc: "passes in a row that count"},
	{Name: "failure_threshold", Shape: Integer, Min: 1, Max: 1000, Default: `3`,
		Doc: "failures in a row that count"},
}}

var ofContainer = &Struct{Name: "Container", Fields: []Field{
	{Name: "name", Shape: Text, Max: 63, Required: true,
		Doc: "within the instance"},
	{Name: "image", Shape: Text, Max: 512, Required: true,
		Doc: "with its registry; pulled when it is not there"},
	{Name: "archive", Shape: Text, Max: 4096,
		Doc: "a file (OCI or docker archive) that the image is loaded from when it is not there"},
	{Name: "command", Shape: List, Of: Text, ItemsMax: 64, Max: 32768,
		Doc: "in place of the image's entry point"},
	{Name: "args", Shape: List, Of: Text, ItemsMax: 64, Max: 32768,
		Doc: "in place of the image's command"},
	{Name: "env", Shape: List, Of: Object, ItemsMax: 64, Struct: ofEnvVariable,
		Doc: "variables"},
	{Name: "ports", Shape: List, Of: Object, ItemsMax: 64, Struct: ofContainerPort,
		Doc: "that it listens on"},
	{Name: "resources", Shape: Object, Struct: ofResources, Default: `{"pids":512}`,
		Doc: "what it may use"},
	{Name: "volume_mounts", Shape: List, Of: Object, ItemsMax: 64, Struct: ofVolumeMount,
		Doc: "volumes of the instance"},
	{Name: "security", Shape: Object, Struct: ofSecurity, Default: `{"read_only_root":false}`,
		Doc: "what it may do"},
	{Name: "startup_probe", Shape: Object, Struct: ofProbe,
		Doc: "until it passes, the others wait; failing, all starts anew"},
	{Name: "readiness_probe", Shape: Object, Struct: ofProbe,
		Doc: "while it fails, the instance is not ready"},
	{Name: "liveness_probe", Shape: Object, Struct: ofProbe,
		Doc: "when it fails, the instance is started anew"},
}}

var ofInstanceSpec = &Struct{Name: "InstanceSpec", Fields: []Field{
	{Name: "workload", Shape: Text, Max: 256,
		Doc: "whose it is"},
	{Name: "target", Shape: Text, Max: 256,
		Doc: "of the workload"},
	{Name: "city", Shape: Text, Max: 256,
		Doc: "where it runs"},
	{Name: "number", Shape: Integer, Max: 100000, Default: `0`,
		Doc: "from 1, in that city"},
	{Name: "node", Shape: Text, Max: 256,
		Doc: "that runs it"},
	{Name: "version", Shape: Text, Max: 256,
		Doc: "of its containers"},
	{Name: "pull_secrets", Shape: List, Of: Text, ItemsMax: 8, Max: 63,
		Doc: "Secrets with registry, username and password, for its images"},
	{Name: "placed_at", Shape: Time,
		Doc: "when that node was given that version"},
	{Name: "init_containers", Shape: List, Of: Object, ItemsMax: 8, Struct: ofContainer,
		Doc: "run to their end before, one after the other"},
	{Name: "containers", Shape: List, Of: Object, ItemsMax: 8, ItemsMin: 1, Struct: ofContainer, Required: true,
		Doc: "share a network and are started and stopped together"},
	{Name: "volumes", Shape: List, Of: Text, ItemsMax: 16, Max: 63,
		Doc: "names; each lives as long as the instance"},
	{Name: "drain", Shape: Duration, Max: 3600000000000, Default: `"5s"`,
		Doc: "from not being ready to SIGTERM"},
	{Name: "stop_grace", Shape: Duration, Min: 1000000000, Max: 3600000000000, Default: `"30s"`,
		Doc: "from SIGTERM to SIGKILL"},
}}

var ofInstanceStatus = &Struct{Name: "InstanceStatus", Fields: []Field{
	{Name: "state", Shape: Text, Max: 256,
		Doc: "as its node says; lost: of a node that does not report"},
	{Name: "reason", Shape: Text, Max: 4096,
		Doc: "why it is not ready"},
	{Name: "address", Shape: Text, Max: 256,
		Doc: "on its node"},
	{Name: "restarts", Shape: Integer,
		Doc: "since it was placed"},
	{Name: "since", Shape: Time,
		Doc: "when that state began"},
	{Name: "cpu", Shape: Text, Max: 256,
		Doc: "that it uses"},
	{Name: "memory", Shape: Text, Max: 256,
		Doc: "that it uses"},
}}

var ofListenerTls = &Struct{Name: "ListenerTls", Fields: []Field{
	{Name: "mode", Shape: Word, Words: []string{"TERMINATE", "PASSTHROUGH"}, Default: `"TERMINATE"`,
		Doc: "of a TLS listener; PASSTHROUGH: the endpoints have the certificates"},
	{Name: "certificates", Shape: List, Of: Text, ItemsMax: 16384, Min: 1, Max: 63,
		Doc: "names of Certificates; the client's SNI chooses. Absent: weir's own authority issues one"},
	{Name: "min_version", Shape: Word, Words: []string{"1.2", "1.3"}, Default: `"1.2"`,
		Doc: "oldest version of TLS"},
	{Name: "client_certificates", Shape: Word, Words: []string{"NONE", "REQUEST", "REQUIRE"}, Default: `"NONE"`,
		Doc: "whether clients are asked for one, or must have one"},
	{Name: "client_ca", Shape: Text, Max: 262144,
		Doc: "PEM bundle that client certificates are verified with"},
	{Name: "alpn", Shape: List, Of: Text, ItemsMax: 16, Min: 1, Max: 255,
		Doc: "of a TLS listener: protocols that clients may choose from (ALPN); with PASSTHROUGH it takes those who offer one of them"},
}}

var ofTcpOptions = &Struct{Name: "TcpOptions", Fields: []Field{
	{Name: "keepalive", Shape: Duration, Min: 1000000000, Max: 86400000000000,
		Doc: "of silence, before the peer is asked whether it is there; absent: as the system does it"},
	{Name: "user_timeout", Shape: Duration, Min: 1000000000, Max: 3600000000000,
		Doc: "what was sent may stay unacknowledged for so long; absent: as the system does it"},
}}

var ofListener = &Struct{Name: "Listener", Fields: []Field{
	{Name: "protocol", Shape: Word, Words: []string{"HTTP", "HTTPS", "TCP", "TLS"}, Required: true,
		Doc: "spoken by the clients"},
	{Name: "hostnames", Shape: List, Of: Text, ItemsMax: 256, Min: 1, Max: 255,
		Doc: "hosts it answers for, exact or *.example; absent: all that nobody else names. Of a TLS listener: what clients send as SNI"},
	{Name: "port", Shape: Integer, Min: 1, Max: 65535, FilledIn: true,
		Doc: "a port of its own; absent: the shared port of the protocol, and for TCP and TLS one that is handed out"},
	{Name: "tls", Shape: Object, Struct: ofListenerTls,
		Doc: "of an HTTPS or TLS listener"},
	{Name: "proxy_protocol_from", Shape: List, Of: Text, ItemsMax: 64, Min: 1, Max: 64,
		Doc: "networks, such as 10.0.0.0/8, whose connections begin with a PROXY header; of all of a port"},
	{Name: "trusted_proxies", Shape: List, Of: Text, ItemsMax: 64, Min: 1, Max: 64,
		Doc: "networks of proxies in front, whose X-Forwarded-For, -Proto and -Host are believed; of all of a port"},
	{Name: "h2c", Shape: Bool, Default: `false`,
		Doc: "of an HTTP listener: HTTP/2 by prior knowledge, on all of its port"},
	{Name: "redirect_to_https", Shape: Bool, Default: `false`,
		Doc: "of an HTTP listener: all that comes is sent to https://"},
	{Name: "https_port", Shape: Integer, Min: 1, Max: 65535,
		Doc: "that redirect_to_https leads to, such as 443 behind a forwarded port; absent: where HTTPS is served"},
	{Name: "connections_max", Shape: Integer, Min: 1, Max: 1048576,
		Doc: "of a TCP or TLS listener: open at a time, on each edge; absent: no limit"},
	{Name: "connections_per_source_max", Shape: Integer, Min: 1, Max: 1048576,
		Doc: "the same of one client address; of IPv6 its /64"},
	{Name: "tcp", Shape: Object, Struct: ofTcpOptions, BlankIsAbsent: true,
		Doc: "of the clients' connections"},
}}

var ofFieldMatch = &Struct{Name: "FieldMatch", Fields: []Field{
	{Name: "name", Shape: Text, Min: 1, Max: 256, Required: true,
		Doc: "of the header or query parameter"},
	{Name: "exact", Shape: Text, Max: 4096,
		Doc: "the whole value"},
	{Name: "regex", Shape: Text, Min: 1, Max: 1024,
		Doc: "of the whole value (RE2 syntax)"},
}}

var ofRouteMatch = &Struct{Name: "RouteMatch", Fields: []Field{
	{Name: "path_prefix", Shape: Text, Min: 1, Max: 1024, Default: `"/"`,
		Doc: "matches by segment: /a takes /a and /a/b, not /ab; the longest wins"},
	{Name: "path", Shape: Text, Min: 1, Max: 1024,
		Doc: "the whole path, in place of path_prefix; wins over every prefix"},
	{Name: "path_regex", Shape: Text, Min: 1, Max: 1024,
		Doc: "of the whole path (RE2 syntax), in place of path_prefix"},
	{Name: "methods", Shape: List, Of: Text, ItemsMax: 64, Min: 1, Max: 32,
		Doc: "absent: all"},
	{Name: "headers", Shape: List, Of: Object, ItemsMax: 16, Struct: ofFieldMatch,
		Doc: "that must match, all of them"},
	{Name: "query", Shape: List, Of: Object, ItemsMax: 16, Struct: ofFieldMatch,
		Doc: "parameters that must match, all of them"},
}}

var ofBackend = &Struct{Name: "Backend", Fields: []Field{
	{Name: "service", Shape: Text, Min: 1, Max: 63, Required: true,
		Doc: "name of a Service"},
	{Name: "weight", Shape: Integer, Max: 1000, Default: `1`,
		Doc: "share of the route's requests, relative to the others"},
}}

var ofRedirect = &Struct{Name: "Redirect", Fields: []Field{
	{Name: "status", Shape: Integer, Min: 301, Max: 308, Default: `302`,
		Doc: "301, 302, 303, 307 or 308"},
	{Name: "scheme", Shape: Text, Max: 256,
		Doc: "http or https; absent: the request's"},
	{Name: "hostname", Shape: Text, Max: 253,
		Doc: "absent: the request's"},
	{Name: "port", Shape: Integer, Min: 1, Max: 65535,
		Doc: "absent: the request's, or that of a new scheme"},
	{Name: "path", Shape: Text, Min: 1, Max: 1024,
		Doc: "in place of the whole path"},
	{Name: "path_prefix", Shape: Text, Min: 1, Max: 1024,
		Doc: "in place of the prefix that matched"},
}}

var ofDirectResponse = &Struct{Name: "DirectResponse", Fields: []Field{
	{Name: "status", Shape: Integer, Min: 200, Max: 599, Default: `200`,
		Doc: "of the response"},
	{Name: "content_type", Shape: Text, Max: 256, Default: `"text/plain; charset=utf-8"`,
		Doc: "of the body"},
	{Name: "body", Shape: Text, Max: 65536,
		Doc: "of the response"},
}}

var ofRewrite = &Struct{Name: "Rewrite", Fields: []Field{
	{Name: "hostname", Shape: Text, Max: 253,
		Doc: "that endpoints are asked for; absent: as the client sent it"},
	{Name: "path", Shape: Text, Min: 1, Max: 1024,
		Doc: "in place of the whole path"},
	{Name: "path_prefix", Shape: Text, Min: 1, Max: 1024,
		Doc: "in place of the prefix that matched"},
}}

var ofHeaderValue = &Struct{Name: "HeaderValue", Fields: []Field{
	{Name: "name", Shape: Text, Min: 1, Max: 256, Required: true,
		Doc: "of the field"},
	{Name: "value", Shape: Text, Max: 4096,
		Doc: "as it is, or one of ${client_address}, ${request_id}, ${host}"},
}}

var ofHeaderEdits = &Struct{Name: "HeaderEdits", Fields: []Field{
	{Name: "remove", Shape: List, Of: Text, ItemsMax: 16, Min: 1, Max: 256,
		Doc: "fields that go"},
	{Name: "set", Shape: List, Of: Object, ItemsMax: 16, Struct: ofHeaderValue,
		Doc: "fields that take the place of those of the name"},
	{Name: "add", Shape: List, Of: Object, ItemsMax: 16, Struct: ofHeaderValue,
		Doc: "fields that come beside those there are"},
}}

var ofIpAccess = &Struct{Name: "IpAccess", Fields: []Field{
	{Name: "allow", Shape: List, Of: Text, ItemsMax: 1024, Min: 1, Max: 64,
		Doc: "networks that may come; absent: all"},
	{Name: "deny", Shape: List, Of: Text, ItemsMax: 1024, Min: 1, Max: 64,
		Doc: "networks that may not, also when they are allowed"},
}}

var ofBasicAuth = &Struct{Name: "BasicAuth", Fields: []Field{
	{Name: "realm", Shape: Text, Min: 1, Max: 256, Default: `"weir"`,
		Doc: "that browsers show"},
	{Name: "secret", Shape: Text, Min: 1, Max: 63, Required: true,
		Doc: "name of a Secret that holds user: password hash, as htpasswd -nbB or mkpasswd print them"},
}}

var ofVisitorSignIn = &Struct{Name: "VisitorSignIn", Fields: []Field{
	{Name: "issuer", Shape: Text, Min: 1, Max: 1024, Required: true,
		Doc: "of the provider of identities (OpenID Connect): its https:// address"},
	{Name: "client_id", Shape: Text, Min: 1, Max: 1024, Required: true,
		Doc: "by which the provider knows this load balancer"},
	{Name: "secret", Shape: Text, Min: 1, Max: 63, Required: true,
		Doc: "name of a Secret whose client_secret is the provider's, of 16 bytes or more; another one ends all sessions"},
	{Name: "allow_emails", Shape: List, Of: Text, ItemsMax: 1000, Min: 1, Max: 254,
		Doc: "e-mail addresses of who may come, in whatever case"},
	{Name: "allow_domains", Shape: List, Of: Text, ItemsMax: 1000, Min: 1, Max: 253,
		Doc: "all whose e-mail address is of one of these domains, not of one below it, may come"},
	{Name: "session", Shape: Duration, Min: 60000000000, Max: 2592000000000000, Default: `"12h"`,
		Doc: "after which visitors sign in again"},
}}

var ofRateLimit = &Struct{Name: "RateLimit", Fields: []Field{
	{Name: "requests", Shape: Integer, Min: 1, Max: 1000000, Default: `100`,
		Doc: "allowed in each period, on each edge"},
	{Name: "per", Shape: Duration, Min: 1000000000, Max: 86400000000000, Default: `"1s"`,
		Doc: "the period"},
	{Name: "burst", Shape: Integer, Max: 1000000, Default: `0`,
		Doc: "allowed at once; 0: as many as requests"},
	{Name: "by_address", Shape: Bool, Default: `false`,
		Doc: "each client address has its own"},
	{Name: "by_header", Shape: Text, Max: 256,
		Doc: "each value of this field has its own"},
}}

var ofRetries = &Struct{Name: "Retries", Fields: []Field{
	{Name: "attempts", Shape: Integer, Max: 5, Default: `2`,
		Doc: "further attempts on other endpoints after a failed one"},
	{Name: "budget_percent", Shape: Integer, Max: 100, Default: `20`,
		Doc: "retries may be this share of the requests"},
	{Name: "on_statuses", Shape: List, Of: Status, ItemsMax: 16,
		Doc: "answers that are not passed on while another attempt can be made, each like 503 or \"502-504\""},
	{Name: "on_grpc_statuses", Shape: List, Of: Word, ItemsMax: 5, Words: []string{"CANCELLED", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "INTERNAL", "UNAVAILABLE"},
		Doc: "calls of gRPC that are answered with one of these before any message are made again, while another attempt can be made; with non_idempotent only, as each is a POST"},
	{Name: "per_try_timeout", Shape: Duration, Min: 10000000, Max: 3600000000000,
		Doc: "of one attempt, from connecting to the head of the response; then the next is made, and request_timeout holds for all of them"},
	{Name: "non_idempotent", Shape: Bool, Default: `false`,
		Doc: "true: also POST and PATCH, which an endpoint may then have acted upon twice"},
}}

var ofRoute = &Struct{Name: "Route", Fields: []Field{
	{Name: "match", Shape: Object, Struct: ofRouteMatch, Default: `{"path_prefix":"/"}`,
		Doc: "which requests; absent: all"},
	{Name: "backends", Shape: List, Of: Object, ItemsMax: 32, Struct: ofBackend,
		Doc: "where they go, by weight"},
	{Name: "redirect", Shape: Object, Struct: ofRedirect,
		Doc: "answered with a redirect, in place of backends"},
	{Name: "respond", Shape: Object, Struct: ofDirectResponse,
		Doc: "answered by the edge, in place of backends"},
	{Name: "rewrite", Shape: Object, Struct: ofRewrite,
		Doc: "of host and path, before it is sent on"},
	{Name: "request_headers", Shape: Object, Struct: ofHeaderEdits,
		Doc: "edits before it is sent on"},
	{Name: "response_headers", Shape: Object, Struct: ofHeaderEdits,
		Doc: "edits before it is sent back"},
	{Name: "ip_access", Shape: Object, Struct: ofIpAccess,
		Doc: "who may come, by address; others get 403"},
	{Name: "basic_auth", Shape: Object, Struct: ofBasicAuth,
		Doc: "who may come, by name and password"},
	{Name: "sign_in", Shape: Object, Struct: ofVisitorSignIn,
		Doc: "who may come, by e-mail address (OpenID Connect)"},
	{Name: "rate_limits", Shape: List, Of: Object, ItemsMax: 8, Struct: ofRateLimit,
		Doc: "all of them hold; beyond: 429"},
	{Name: "request_timeout", Shape: Duration, Min: 10000000, Max: 3600000000000,
		Doc: "in place of the service's"},
	{Name: "stream_idle_timeout", Shape: Duration, Min: 10000000, Max: 86400000000000,
		Doc: "silence that ends a request or response under way; absent: 1h for TCP, TLS, gRPC and WebSocket, else 1m of the endpoint's and 30s of the client's"},
	{Name: "stream_duration_max", Shape: Duration, Min: 10000000, Max: 86400000000000,
		Doc: "from the request to the end of its response, WebSockets too; absent: no limit"},
	{Name: "half_close_timeout", Shape: Duration, Min: 10000000, Max: 86400000000000,
		Doc: "of TCP and TLS: after one side has ended, silence of the other that ends it; absent: stream_idle_timeout"},
	{Name: "request_body_bytes_max", Shape: Integer,
		Doc: "a longer request body is refused with 413; absent: no limit"},
	{Name: "client_bytes_per_second_min", Shape: Integer, Max: 1000000000, Default: `240`,
		Doc: "a client that sends its request or takes the response slower is ended as a silent one; not for gRPC and WebSocket; 0: no limit"},
	{Name: "retries", Shape: Object, Struct: ofRetries,
		Doc: "in place of the service's"},
}}

var ofEdgeSelector = &Struct{Name: "EdgeSelector", Fields: []Field{
	{Name: "match", Shape: Labels, ItemsMax: 64, Max: 256,
		Doc: "labels that an edge must have, all of them; also provider, region and city"},
}}

var ofLoadBalancerSpec = &Struct{Name: "LoadBalancerSpec", Fields: []Field{
	{Name: "listeners", Shape: List, Of: Object, ItemsMax: 64, ItemsMin: 1, Struct: ofListener, Required: true,
		Doc: "where clients come in"},
	{Name: "routes", Shape: List, Of: Object, ItemsMax: 256, ItemsMin: 1, Struct: ofRoute, Required: true,
		Doc: "where requests go"},
	{Name: "edges", Shape: Object, Struct: ofEdgeSelector, BlankIsAbsent: true,
		Doc: "which edges carry it; absent: all"},
	{Name: "allow_encoded_slashes", Shape: Bool, Default: `false`,
		Doc: "paths with %2F, %5C or \\ are passed on as they are; else they are refused with 400"},
}}

var ofListenerStatus = &Struct{Name: "ListenerStatus", Fields: []Field{
	{Name: "address", Shape: Text, Max: 256,
		Doc: "where clients come in"},
	{Name: "listening", Shape: Bool,
		Doc: "whether they can"},
	{Name: "reason", Shape: Text, Max: 256,
		Doc: "why not; it is tried again by itself"},
}}

var ofLoadBalancerStatus = &Struct{Name: "LoadBalancerStatus", Fields: []Field{
	{Name: "applied", Shape: Text, Max: 256,
		Doc: "edges that have it as it is, of all that carry it"},
	{Name: "refused", Shape: List, Of: Object, ItemsMax: 16, Struct: ofRefusedBy,
		Doc: "edges that could not take it up, and why"},
	{Name: "listeners", Shape: List, Of: Object, ItemsMax: 64, Struct: ofListenerStatus,
		Doc: "in the order of spec.listeners, as this edge has them"},
}}

var ofNodeSpec = &Struct{Name: "NodeSpec", Fields: []Field{
	{Name: "provider", Shape: Text, Max: 256,
		Doc: "where it is"},
	{Name: "region", Shape: Text, Max: 256,
		Doc: "where it is"},
	{Name: "city", Shape: Text, Max: 63,
		Doc: "where it is; in the names of its instances"},
	{Name: "address", Shape: Text, Max: 256,
		Doc: "by which edges reach its instances"},
	{Name: "version", Shape: Text, Max: 256,
		Doc: "of weir there"},
	{Name: "cordoned", Shape: Bool, Default: `false`,
		Doc: "it gets no more instances"},
	{Name: "drained", Shape: Bool, Default: `false`,
		Doc: "its instances are moved to others"},
	{Name: "revoked", Shape: Bool, Default: `false`,
		Doc: "its certificate counts no more"},
}}

var ofNodeStatus = &Struct{Name: "NodeStatus", Fields: []Field{
	{Name: "attached", Shape: Bool,
		Doc: "whether it reports now"},
	{Name: "since", Shape: Time,
		Doc: "when that began"},
	{Name: "cpu", Shape: Text, Max: 256,
		Doc: "set aside for instances, of what it has"},
	{Name: "memory", Shape: Text, Max: 256,
		Doc: "set aside for instances, of what it has"},
	{Name: "instances", Shape: Text, Max: 256,
		Doc: "of all that it may have"},
	{Name: "reason", Shape: Text, Max: 4096,
		Doc: "what is wrong with it"},
}}

var ofOrganizationMember = &Struct{Name: "OrganizationMember", Fields: []Field{
	{Name: "user", Shape: Text, Min: 1, Max: 63, Required: true,
		Doc: "who"},
	{Name: "role", Shape: Word, Words: []string{"owner", "admin", "editor", "viewer", "join", "tunnel", "member"}, Default: `"viewer"`,
		Doc: "owner, admin, editor or viewer"},
}}

var ofQuota = &Struct{Name: "Quota", Fields: []Field{
	{Name: "kind", Shape: Text, Min: 1, Max: 63, Required: true,
		Doc: "plural, as in services"},
	{Name: "max", Shape: Integer, Max: 1000000, Default: `0`,
		Doc: "how many of them the organization may have"},
}}

var ofSignIn = &Struct{Name: "SignIn", Fields: []Field{
	{Name: "issuer", Shape: Text, Min: 1, Max: 1024, Required: true,
		Doc: "of the provider of identities (OpenID Connect): its https:// address"},
	{Name: "client_id", Shape: Text, Min: 1, Max: 1024, Required: true,
		Doc: "by which the provider knows weir"},
	{Name: "client_secret", Shape: Text, Max: 1024, Secret: true,
		Doc: "by which weir shows that it is; absent in an update: as before"},
	{Name: "display_name", Shape: Text, Max: 63,
		Doc: "on the button"},
	{Name: "domains", Shape: List, Of: Text, ItemsMax: 64, Min: 1, Max: 253,
		Doc: "of e-mail addresses whose owners become members by signing in; none: only who is a member may"},
	{Name: "role", Shape: Word, Words: []string{"owner", "admin", "editor", "viewer", "join", "tunnel", "member"},
		Doc: "of who becomes a member so; absent: viewer"},
}}

var ofOrganizationSpec = &Struct{Name: "OrganizationSpec", Fields: []Field{
	{Name: "display_name", Shape: Text, Max: 200,
		Doc: "what people call it"},
	{Name: "members", Shape: List, Of: Object, ItemsMax: 1000, Struct: ofOrganizationMember,
		Doc: "who may do what in it"},
	{Name: "quotas", Shape: List, Of: Object, ItemsMax: 32, Struct: ofQuota,
		Doc: "how many objects of a kind it may have; only the platform writes them"},
	{Name: "sign_in", Shape: Object, Struct: ofSignIn,
		Doc: "by OpenID Connect"},
}}

var ofRecordAnswer = &Struct{Name: "RecordAnswer", Fields: []Field{
	{Name: "value", Shape: Text, Min: 1, Max: 4096, Required: true,
		Doc: "as a zone file has it: 192.0.2.1"},
	{Name: "weight", Shape: Integer, Max: 1000, Default: `1`,
		Doc: "of the policy WEIGHTED: share of the replies, relative to the others; 0 drains it"},
	{Name: "priority", Shape: Integer, Max: 15, Default: `0`,
		Doc: "of the policy FAILOVER: lower ones answer, higher ones only when no lower one can"},
	{Name: "service", Shape: Text, Max: 63,
		Doc: "it is an answer while an endpoint of that Service is healthy; absent: always"},
	{Name: "places", Shape: List, Of: Text, ItemsMax: 300, Max: 80,
		Doc: "of the policy GEO: whose clients get it: a network, site/NAME, country/DE, continent/EU, the closest of which counts; absent: those of everywhere else"},
	{Name: "provider", Shape: Text, Max: 63,
		Doc: "beside balance: the one that it is at; of whose share it has the part that weight says"},
}}

var ofBalancedProvider = &Struct{Name: "BalancedProvider", Fields: []Field{
	{Name: "name", Shape: Text, Min: 1, Max: 63, Required: true,
		Doc: "as its edges have it (--provider)"},
	{Name: "price", Shape: Text, Min: 1, Max: 20, Required: true,
		Doc: "of a request there, in any unit, the same for all: \"0.05\""},
	{Name: "capacity", Shape: Integer, Max: 1000000000, Default: `0`,
		Doc: "requests per second that its edges are to carry; 0: whatever comes"},
}}

var ofRecordBalance = &Struct{Name: "RecordBalance", Fields: []Field{
	{Name: "providers", Shape: List, Of: Object, ItemsMax: 16, ItemsMin: 1, Struct: ofBalancedProvider, Required: true,
		Doc: "that the answers are at, and what they cost"},
	{Name: "share_min", Shape: Integer, Max: 100, Default: `5`,
		Doc: "percent of the replies that each keeps, to stay warm"},
	{Name: "utilisation_max", Shape: Integer, Min: 1, Max: 100, Default: `80`,
		Doc: "percent of its capacity, beyond which the next one by price is used"},
	{Name: "interval", Shape: Duration, Min: 1000000000, Max: 86400000000000, Default: `"30s"`,
		Doc: "at which they are computed"},
}}

var ofRecordSetSpec = &Struct{Name: "RecordSetSpec", Fields: []Field{
	{Name: "zone", Shape: Text, Min: 1, Max: 253, Required: true,
		Doc: "name of the Zone that it is in"},
	{Name: "name", Shape: Text, Min: 1, Max: 253, Default: `"@"`,
		Doc: "relative to the zone: www, *.dev, _db._tcp; \"@\" is the zone itself"},
	{Name: "type", Shape: Word, Words: []string{"A", "AAAA", "CNAME", "MX", "TXT", "SRV", "PTR", "CAA", "NS", "SVCB", "HTTPS", "DS", "TLSA", "SSHFP", "NAPTR", "ALIAS"}, Required: true,
		Doc: "of the records; ALIAS: the A and AAAA records of another name, looked up by weir"},
	{Name: "ttl", Shape: Integer, Max: 604800,
		Doc: "seconds that they may be kept; absent: as the zone says"},
	{Name: "policy", Shape: Word, Words: []string{"SIMPLE", "ROUND_ROBIN", "WEIGHTED", "FAILOVER", "MULTI", "GEO"}, Default: `"SIMPLE"`,
		Doc: "SIMPLE: all of them; ROUND_ROBIN: all that are healthy, each first in turn; WEIGHTED: one, by weight; FAILOVER: the healthy ones of the lowest priority; MULTI: a few healthy ones; GEO: the healthy ones of the client's place"},
	{Name: "values", Shape: List, Of: Text, ItemsMax: 1000, Min: 1, Max: 4096,
		Doc: "the records, as a zone file has them"},
	{Name: "answers", Shape: List, Of: Object, ItemsMax: 1000, Struct: ofRecordAnswer,
		Doc: "in place of values: the same with weight, priority or health"},
	{Name: "service", Shape: Text, Max: 63,
		Doc: "in place of values: a Service, whose endpoints' addresses are the records, with their weight, priority and health"},
	{Name: "healthy_percent_min", Shape: Integer, Max: 100, Default: `0`,
		Doc: "of the policy FAILOVER: with less of the weight of a priority healthy, the next answers, too"},
	{Name: "answers_max", Shape: Integer, Min: 1, Max: 64, Default: `8`,
		Doc: "of the policy MULTI: records in one reply"},
	{Name: "sticky", Shape: Bool, Default: `false`,
		Doc: "true: clients of one network (/24, of IPv6 /56) get the same answer while it is healthy"},
	{Name: "all_down", Shape: Word, Words: []string{"SERVE_ALL", "SERVE_NONE", "FALLBACK"}, Default: `"SERVE_ALL"`,
		Doc: "what is answered while none is healthy"},
	{Name: "fallback", Shape: List, Of: Text, ItemsMax: 1000, Min: 1, Max: 4096,
		Doc: "of all_down: FALLBACK: the records that are answered then"},
	{Name: "balance", Shape: Object, Struct: ofRecordBalance,
		Doc: "of the policy WEIGHTED: the weights of its providers are computed from load and price"},
}}

var ofRecordAnswerStatus = &Struct{Name: "RecordAnswerStatus", Fields: []Field{
	{Name: "value", Shape: Text, Max: 4096,
		Doc: "the record"},
	{Name: "healthy", Shape: Bool,
		Doc: "whether it may be given"},
	{Name: "given", Shape: Bool,
		Doc: "whether it is among those that are"},
	{Name: "reason", Shape: Text, Max: 4096,
		Doc: "why it is not healthy"},
}}

var ofRecordSetStatus = &Struct{Name: "RecordSetStatus", Fields: []Field{
	{Name: "reason", Shape: Text, Max: 4096,
		Doc: "of a set with a policy: why these are given"},
	{Name: "answers", Shape: List, Of: Object, ItemsMax: 1000, Struct: ofRecordAnswerStatus,
		Doc: "all that there are"},
}}

var ofDeletedObject = &Struct{Name: "DeletedObject", Fields: []Field{
	{Name: "kind", Shape: Text, Min: 1, Max: 256, Required: true,
		Doc: "such as Service"},
	{Name: "name", Shape: Text, Min: 1, Max: 63, Required: true,
		Doc: "of the object"},
}}

var ofRolloutWave = &Struct{Name: "RolloutWave", Fields: []Field{
	{Name: "match", Shape: Labels, ItemsMax: 64, Max: 256,
		Doc: "labels of its edges, all of them; also provider, region and city"},
	{Name: "percent", Shape: Integer, Min: 1, Max: 100, Default: `100`,
		Doc: "of those edges, at least one"},
	{Name: "bake", Shape: Duration, Max: 86400000000000, Default: `"30s"`,
		Doc: "how long the gates must hold before the next wave"},
	{Name: "first", Shape: Text, Max: 256, ServerSet: true,
		Doc: "the edge that has it although the percent would come to none"},
}}

var ofRolloutGates = &Struct{Name: "RolloutGates", Fields: []Field{
	{Name: "apply_timeout", Shape: Duration, Min: 1000000000, Max: 86400000000000, Default: `"1m"`,
		Doc: "within which every edge of a wave has to have it in force"},
	{Name: "lost_percent_max", Shape: Integer, Max: 100, Default: `0`,
		Doc: "edges that have it and are gone since"},
	{Name: "errors_percent_max", Shape: Integer, Max: 100, Default: `1`,
		Doc: "5xx among the requests of edges that have it, above those of the others, or of before"},
	{Name: "latency_percent_max", Shape: Integer, Max: 100000, Default: `50`,
		Doc: "by which their 99th percentile may be longer than that of the others, or of before"},
	{Name: "unhealthy_percent_max", Shape: Integer, Max: 100, Default: `10`,
		Doc: "endpoints that they find unhealthy and the others, or they before, do not"},
	{Name: "requests_min", Shape: Integer, Default: `100`,
		Doc: "with fewer requests, errors and latency say nothing"},
	{Name: "allow_uncounted", Shape: Bool, Default: `false`,
		Doc: "go on although no edge that has it counts requests, as Envoys do not"},
}}

var ofRolloutBase = &Struct{Name: "RolloutBase", Fields: []Field{
	{Name: "object", Shape: Text, Max: 256,
		Doc: "such as services/web"},
	{Name: "revision", Shape: Integer, Default: `0`,
		Doc: "of it then; 0: there was none"},
}}

var ofRolloutProgress = &Struct{Name: "RolloutProgress", Fields: []Field{
	{Name: "phase", Shape: Word, Words: []string{"PENDING", "RUNNING", "DONE", "WITHDRAWN", "REFUSED"}, Default: `"PENDING"`,
		Doc: "as the status says it"},
	{Name: "wave", Shape: Integer, Max: 64, Default: `0`,
		Doc: "the one under way, from 1"},
	{Name: "waves", Shape: List, Of: Object, ItemsMax: 64, Struct: ofRolloutWave,
		Doc: "all of them, as worked out at the beginning"},
	{Name: "since", Shape: Time,
		Doc: "when that wave began, or it ended"},
	{Name: "bases", Shape: List, Of: Object, ItemsMax: 512, Struct: ofRolloutBase,
		Doc: "the objects as they were when it began"},
	{Name: "reason", Shape: Text, Max: 4096,
		Doc: "why it ended"},
}}

var ofRolloutSpec = &Struct{Name: "RolloutSpec", Fields: []Field{
	{Name: "changes", Shape: JSON,
		Doc: "a list of objects as they shall be, as apply takes them; no certificates and secrets"},
	{Name: "deletions", Shape: List, Of: Object, ItemsMax: 256, Struct: ofDeletedObject,
		Doc: "objects that shall be gone"},
	{Name: "waves", Shape: List, Of: Object, ItemsMax: 64, Struct: ofRolloutWave,
		Doc: "in their order; absent: each provider, within it each region, within that the percents"},
	{Name: "percents", Shape: List, Of: Integer, ItemsMax: 16, ItemsMin: 1, Min: 1, Max: 100, Default: `[10,100]`,
		Doc: "of the edges of a region, one wave after the other"},
	{Name: "bake", Shape: Duration, Max: 86400000000000, Default: `"30s"`,
		Doc: "of each wave that is not given"},
	{Name: "gates", Shape: Object, Struct: ofRolloutGates, Default: `{"apply_timeout":"1m","lost_percent_max":0,"errors_percent_max":1,"latency_percent_max":50,"unhealthy_percent_max":10,"requests_min":100,"allow_uncounted":false}`,
		Doc: "what must hold for the next wave to begin"},
	{Name: "paused", Shape: Bool, Default: `false`,
		Doc: "no further wave begins; edges that have the change keep it"},
	{Name: "progress", Shape: Object, Struct: ofRolloutProgress, ServerSet: true,
		Doc: "how far it has come"},
}}

var ofRolloutStatus = &Struct{Name: "RolloutStatus", Fields: []Field{
	{Name: "phase", Shape: Word, Words: []string{"PENDING", "RUNNING", "DONE", "WITHDRAWN", "REFUSED"},
		Doc: "DONE: the objects are as it wants them; WITHDRAWN: a gate failed, and all edges have what was before; REFUSED: never begun"},
	{Name: "wave", Shape: Integer, Max: 64,
		Doc: "the one under way, from 1"},
	{Name: "waves", Shape: List, Of: Object, ItemsMax: 64, Struct: ofRolloutWave,
		Doc: "all of them, as worked out at the beginning"},
	{Name: "since", Shape: Time,
		Doc: "when that wave began"},
	{Name: "edges", Shape: Text, Max: 256,
		Doc: "that have it, of all"},
	{Name: "reason", Shape: Text, Max: 4096,
		Doc: "what it waits for, or why it ended"},
}}

var ofSecretSpec = &Struct{Name: "SecretSpec", Fields: []Field{
	{Name: "values", Shape: Labels, ItemsMax: 10000, Max: 4096, Secret: true,
		Doc: "texts by key, shown to nobody; absent in an update: as before"},
}}

var ofHashOn = &Struct{Name: "HashOn", Fields: []Field{
	{Name: "header", Shape: Text, Max: 256,
		Doc: "the value of this field"},
	{Name: "cookie", Shape: Text, Max: 256,
		Doc: "the value of this cookie"},
	{Name: "source", Shape: Bool, Default: `false`,
		Doc: "the client's address"},
	{Name: "load_percent_max", Shape: Integer, Max: 1000, Default: `125`,
		Doc: "requests under way at an endpoint, in percent of the average; beyond, its keys go to the next one. At least 100; 0: no bound"},
}}

var ofStickyCookie = &Struct{Name: "StickyCookie", Fields: []Field{
	{Name: "name", Shape: Text, Max: 256,
		Doc: "of the cookie; absent: weir-endpoint- and the service's name"},
	{Name: "max_age", Shape: Duration, Min: 1000000000, Max: 34560000000000000,
		Doc: "absent: until the browser is closed"},
}}

var ofStaticEndpoint = &Struct{Name: "StaticEndpoint", Fields: []Field{
	{Name: "address", Shape: Text, Min: 1, Max: 260, Required: true,
		Doc: "host:port; the host is an IPv4 address, an [IPv6] address or a DNS name"},
	{Name: "weight", Shape: Integer, Max: 1000, Default: `1`,
		Doc: "share of the requests, relative to the others; 0 drains it"},
	{Name: "priority", Shape: Integer, Max: 15, Default: `0`,
		Doc: "lower ones serve first, higher ones only when no lower one can"},
	{Name: "zone", Shape: Text, Max: 63,
		Doc: "where it is: edges of the region of that name prefer it"},
}}

var ofHttpCheck = &Struct{Name: "HttpCheck", Fields: []Field{
	{Name: "path", Shape: Text, Min: 1, Max: 1024, Default: `"/"`,
		Doc: "asked for with GET"},
	{Name: "host", Shape: Text, Max: 256,
		Doc: "the Host field of the request; the endpoint's address when absent"},
	{Name: "expected_statuses", Shape: List, Of: Status, ItemsMax: 16, ItemsMin: 1, Default: `["200-399"]`,
		Doc: "statuses that pass, each like 204 or \"200-299\""},
}}

var ofGrpcCheck = &Struct{Name: "GrpcCheck", Fields: []Field{
	{Name: "service", Shape: Text, Max: 256,
		Doc: "that is asked about; absent: the server as a whole"},
}}

var ofTcpCheck = &Struct{Name: "TcpCheck", Fields: []Field{}}

var ofHealthCheck = &Struct{Name: "HealthCheck", Fields: []Field{
	{Name: "interval", Shape: Duration, Min: 10000000, Max: 3600000000000, Default: `"5s"`,
		Doc: "between two checks of an endpoint"},
	{Name: "timeout", Shape: Duration, Min: 10000000, Max: 3600000000000, Default: `"2s"`,
		Doc: "a check without an answer has failed"},
	{Name: "unhealthy_threshold", Shape: Integer, Min: 1, Max: 100, Default: `2`,
		Doc: "failed checks in a row that take an endpoint out"},
	{Name: "healthy_threshold", Shape: Integer, Min: 1, Max: 100, Default: `1`,
		Doc: "passed checks in a row that bring it back; its very first pass is enough"},
	{Name: "quorum_percent", Shape: Integer, Min: 1, Max: 100, Default: `51`,
		Doc: "of the edges that have a verdict, how many must find an endpoint unhealthy for all to leave it"},
	{Name: "http", Shape: Object, Struct: ofHttpCheck,
		Doc: "check with an HTTP request"},
	{Name: "grpc", Shape: Object, Struct: ofGrpcCheck,
		Doc: "check with grpc.health.v1.Health/Check; written grpc: {}"},
	{Name: "tcp", Shape: Object, Struct: ofTcpCheck,
		Doc: "check by connecting; written tcp: {}"},
}}

var ofOutlierDetection = &Struct{Name: "OutlierDetection", Fields: []Field{
	{Name: "enabled", Shape: Bool, Default: `true`,
		Doc: "false: endpoints are never ejected"},
	{Name: "consecutive_5xx", Shape: Integer, Max: 1000, Default: `5`,
		Doc: "responses of 500 and above in a row; 0: not counted"},
	{Name: "consecutive_failures", Shape: Integer, Max: 1000, Default: `5`,
		Doc: "connections refused, reset or timed out in a row; 0: not counted"},
	{Name: "interval", Shape: Duration, Min: 1000000000, Max: 3600000000000, Default: `"10s"`,
		Doc: "between two looks at the success rates"},
	{Name: "ejection_time", Shape: Duration, Min: 100000000, Max: 3600000000000, Default: `"30s"`,
		Doc: "of the first ejection; the second in a row takes twice"},
	{Name: "ejection_time_max", Shape: Duration, Min: 100000000, Max: 86400000000000, Default: `"5m"`,
		Doc: "the longest that an ejection takes"},
	{Name: "ejected_percent_max", Shape: Integer, Max: 100, Default: `10`,
		Doc: "share of the endpoints that may be ejected at a time, one at least"},
	{Name: "success_rate", Shape: Bool, Default: `true`,
		Doc: "eject those that fail much more often than the others"},
}}

var ofCircuitBreakers = &Struct{Name: "CircuitBreakers", Fields: []Field{
	{Name: "connections_max", Shape: Integer, Min: 1, Max: 1048576, Default: `4096`,
		Doc: "to the endpoints of the service, from one edge"},
	{Name: "requests_max", Shape: Integer, Min: 1, Max: 1048576, Default: `16384`,
		Doc: "under way at a time, on one edge"},
	{Name: "pending_max", Shape: Integer, Min: 1, Max: 1048576, Default: `4096`,
		Doc: "waiting for a connection, on one edge"},
	{Name: "retries_max", Shape: Integer, Max: 1048576, Default: `64`,
		Doc: "under way at a time, on one edge"},
}}

var ofUpstreamTls = &Struct{Name: "UpstreamTls", Fields: []Field{
	{Name: "server_name", Shape: Text, Max: 253,
		Doc: "sent as SNI and verified; absent: the host of the endpoint's address"},
	{Name: "ca", Shape: Text, Max: 262144,
		Doc: "PEM bundle that endpoints are verified with; absent: the system's"},
	{Name: "certificate", Shape: Text, Max: 63,
		Doc: "name of a Certificate that is shown to endpoints"},
	{Name: "alpn", Shape: List, Of: Text, ItemsMax: 16, Min: 1, Max: 255,
		Doc: "of a service of protocol TCP: what is offered to endpoints (ALPN)"},
	{Name: "insecure_skip_verify", Shape: Bool, Default: `false`,
		Doc: "true: whoever answers is believed; for tests only"},
}}

var ofDiscovery = &Struct{Name: "Discovery", Fields: []Field{
	{Name: "type", Shape: Text, Max: 22,
		Doc: "what it is to DNS-SD: _http._tcp, _postgresql._tcp; absent: _http._tcp"},
	{Name: "subtypes", Shape: List, Of: Text, ItemsMax: 64, Min: 1, Max: 63,
		Doc: "by which it is found, too: _printer"},
}}

var ofServiceSpec = &Struct{Name: "ServiceSpec", Fields: []Field{
	{Name: "protocol", Shape: Word, Words: []string{"HTTP", "HTTP2", "TCP"}, Default: `"HTTP"`,
		Doc: "spoken to the endpoints; TCP: whatever clients and they speak"},
	{Name: "balance", Shape: Word, Words: []string{"ROUND_ROBIN", "LEAST_REQUEST", "RANDOM", "RING_HASH", "MAGLEV"}, Default: `"ROUND_ROBIN"`,
		Doc: "how an endpoint is chosen for a request"},
	{Name: "hash_on", Shape: Object, Struct: ofHashOn,
		Doc: "for RING_HASH and MAGLEV: what of a request decides its endpoint"},
	{Name: "sticky", Shape: Object, Struct: ofStickyCookie,
		Doc: "a cookie keeps a client at the endpoint that answered it first"},
	{Name: "endpoints", Shape: List, Of: Object, ItemsMax: 1000, Struct: ofStaticEndpoint,
		Doc: "static ones; those that join by themselves are Endpoints"},
	{Name: "health_check", Shape: Object, Struct: ofHealthCheck,
		Doc: "active check; an endpoint serves after its first pass. Absent: all serve"},
	{Name: "connect_timeout", Shape: Duration, Min: 10000000, Max: 60000000000, Default: `"2s"`,
		Doc: "for a connection to an endpoint"},
	{Name: "request_timeout", Shape: Duration, Min: 10000000, Max: 3600000000000, Default: `"1m"`,
		Doc: "from the request sent to the head of the response"},
	{Name: "idle_timeout", Shape: Duration, Min: 10000000, Max: 3600000000000, Default: `"1m"`,
		Doc: "an unused connection to an endpoint is closed after it"},
	{Name: "retries", Shape: Object, Struct: ofRetries, Default: `{"attempts":2,"budget_percent":20}`,
		Doc: "what happens to a request that an endpoint failed"},
	{Name: "outlier_detection", Shape: Object, Struct: ofOutlierDetection, Default: `{"enabled":true,"consecutive_5xx":5,"consecutive_failures":5,"interval":"10s","ejection_time":"30s","ejection_time_max":"5m","ejected_percent_max":10,"success_rate":true}`,
		Doc: "takes out endpoints that fail real requests"},
	{Name: "circuit_breakers", Shape: Object, Struct: ofCircuitBreakers, Default: `{"connections_max":4096,"requests_max":16384,"pending_max":4096,"retries_max":64}`,
		Doc: "beyond them requests are answered with 503 at once"},
	{Name: "panic_percent", Shape: Integer, Max: 100, Default: `0`,
		Doc: "with a smaller share of healthy endpoints all that ever passed are used; 0: never"},
	{Name: "slow_start", Shape: Duration, Min: 1000000000, Max: 3600000000000,
		Doc: "time in which a new or recovered endpoint comes to its full share; absent: at once"},
	{Name: "tls", Shape: Object, Struct: ofUpstreamTls,
		Doc: "TLS to the endpoints; written tls: {}"},
	{Name: "proxy_protocol", Shape: Word, Words: []string{"NONE", "V1", "V2"}, Default: `"NONE"`,
		Doc: "PROXY header that tells endpoints the client's address; such connections carry one client"},
	{Name: "tcp", Shape: Object, Struct: ofTcpOptions, BlankIsAbsent: true,
		Doc: "of connections to endpoints"},
	{Name: "drain_timeout", Shape: Duration, Max: 86400000000000,
		Doc: "of protocol TCP: an endpoint that was taken out keeps its connections so long; absent: until they end"},
	{Name: "discovery", Shape: Object, Struct: ofDiscovery,
		Doc: "how it is found by DNS-SD (RFC 6763) in weir's own domain; absent: it is not"},
}}

var ofServiceStatus = &Struct{Name: "ServiceStatus", Fields: []Field{
	{Name: "applied", Shape: Text, Max: 256,
		Doc: "edges that have it as it is, of all that carry it"},
	{Name: "refused", Shape: List, Of: Object, ItemsMax: 16, Struct: ofRefusedBy,
		Doc: "edges that could not take it up, and why"},
	{Name: "serving", Shape: Integer,
		Doc: "addresses that may serve now"},
	{Name: "total", Shape: Integer,
		Doc: "addresses in the pool"},
	{Name: "endpoints", Shape: List, Of: Object, ItemsMax: 1000, Struct: ofEndpointStatus,
		Doc: "the addresses of the pool"},
}}

var ofSessionSpec = &Struct{Name: "SessionSpec", Fields: []Field{
	{Name: "user", Shape: Text, Max: 256,
		Doc: "who is logged in"},
	{Name: "token", Shape: Text, Max: 256,
		Doc: "of the method token: which it was"},
	{Name: "method", Shape: Word, Words: []string{"password", "openid", "device", "token"}, Default: `"password"`,
		Doc: "how: by password, openid, device or token"},
	{Name: "pending", Shape: Bool, Default: `false`,
		Doc: "true: a device that nobody has approved yet"},
	{Name: "device", Shape: Text, Max: 256,
		Doc: "what the device calls itself"},
	{Name: "remote_address", Shape: Text, Max: 256,
		Doc: "from where"},
	{Name: "user_agent", Shape: Text, Max: 512,
		Doc: "of the browser or program"},
	{Name: "expires_at", Shape: Time,
		Doc: "ended from then on"},
}}

var ofSessionStatus = &Struct{Name: "SessionStatus", Fields: []Field{
	{Name: "last_seen_at", Shape: Time,
		Doc: "to the minute"},
}}

var ofJoin = &Struct{Name: "Join", Fields: []Field{
	{Name: "role", Shape: Word, Words: []string{"edge", "node"}, Default: `"edge"`,
		Doc: "what it becomes"},
	{Name: "name", Shape: Text, Max: 63,
		Doc: "that it has to take, also when there is one already; absent: any that is new"},
	{Name: "provider", Shape: Text, Max: 256,
		Doc: "the cloud it runs in; absent: as it says"},
	{Name: "region", Shape: Text, Max: 256,
		Doc: "the provider's name of the region; absent: as it says"},
	{Name: "city", Shape: Text, Max: 256,
		Doc: "where it is; absent: as it says"},
	{Name: "labels", Shape: Labels, ItemsMax: 64, Max: 256,
		Doc: "that it gets, whatever it says"},
}}

var ofTokenSpec = &Struct{Name: "TokenSpec", Fields: []Field{
	{Name: "description", Shape: Text, Max: 256,
		Doc: "what it is for"},
	{Name: "role", Shape: Word, Words: []string{"owner", "admin", "editor", "viewer", "join", "tunnel", "member"}, Default: `"viewer"`,
		Doc: "what it may do: viewer reads, editor also writes, admin also says who else may, owner all; join lets machines in, tunnel lets origins of a user in at edges, member joins and leaves services by Endpoints"},
	{Name: "expires_at", Shape: Time,
		Doc: "refused from then on; absent: never"},
	{Name: "user", Shape: Text, Max: 256,
		Doc: "whose it is: it never may more than its user; of the role tunnel: whose origins come in by it"},
	{Name: "scopes", Shape: List, Of: Text, ItemsMax: 64, Min: 1, Max: 80,
		Doc: "kind:read or kind:write, as services:write or *:read, which is all it may; none: all that its role may"},
	{Name: "join", Shape: Object, Struct: ofJoin,
		Doc: "of the role join: what a machine becomes by it"},
	{Name: "uses", Shape: Integer, Min: 1, Max: 10000, Default: `1`,
		Doc: "of the role join: how many machines it lets in"},
	{Name: "used", Shape: Integer, Max: 10000, ServerSet: true,
		Doc: "how many it has let in"},
	{Name: "services", Shape: List, Of: Text, ItemsMax: 64, Max: 63,
		Doc: "of the role member: names of the Services that Endpoints join and leave by it"},
}}

var ofTunnelSpec = &Struct{Name: "TunnelSpec", Fields: []Field{
	{Name: "service", Shape: Text, Min: 1, Max: 63, Required: true,
		Doc: "name of the Service that it joins"},
	{Name: "instance", Shape: Text, Min: 1, Max: 63, Required: true,
		Doc: "of the origin; at several edges it is one endpoint"},
	{Name: "edge", Shape: Text, Max: 63,
		Doc: "where it is attached"},
	{Name: "provider", Shape: Text, Max: 256,
		Doc: "the cloud that the edge runs in"},
	{Name: "relay", Shape: Text, Max: 260,
		Doc: "host:port by which other edges reach that edge; absent: they can't"},
	{Name: "session", Shape: Text, Max: 64,
		Doc: "of that edge; a later one takes the place of an earlier"},
	{Name: "via", Shape: Word, Words: []string{"SSH", "AGENT"}, Default: `"SSH"`,
		Doc: "how it came"},
	{Name: "user", Shape: Text, Max: 256,
		Doc: "whose it is; absent: nobody's"},
	{Name: "client", Shape: Text, Max: 256,
		Doc: "its address and port"},
	{Name: "seen_by", Shape: Text, Max: 256,
		Doc: "the controller that the edge tells of it"},
	{Name: "weight", Shape: Integer, Max: 1000, Default: `1`,
		Doc: "share of the requests, relative to the others; 0 drains it"},
	{Name: "priority", Shape: Integer, Max: 15, Default: `0`,
		Doc: "lower ones serve first, higher ones only when no lower one can"},
	{Name: "zone", Shape: Text, Max: 63,
		Doc: "where it is: edges of the region of that name prefer it"},
	{Name: "since", Shape: Time,
		Doc: "when it came"},
}}

var ofOpenIdName = &Struct{Name: "OpenIdName", Fields: []Field{
	{Name: "issuer", Shape: Text, Min: 1, Max: 1024, Required: true,
		Doc: "the provider's address"},
	{Name: "subject", Shape: Text, Min: 1, Max: 255, Required: true,
		Doc: "its name for this person (the claim sub)"},
}}

var ofUserSpec = &Struct{Name: "UserSpec", Fields: []Field{
	{Name: "email", Shape: Text, Min: 1, Max: 254, Required: true,
		Doc: "by which it logs in; no other User has it"},
	{Name: "display_name", Shape: Text, Max: 200,
		Doc: "what its owner is called"},
	{Name: "password", Shape: Text, Max: 256, Secret: true,
		Doc: "8 bytes or more, kept as its Argon2id hash; absent in an update: as before"},
	{Name: "ssh_keys", Shape: List, Of: Text, ItemsMax: 32, Min: 1, Max: 8192,
		Doc: "lines of authorized_keys: public keys, which no other User has, and authorities whose certificates let in (cert-authority,principals=\"...\")"},
	{Name: "disabled", Shape: Bool, Default: `false`,
		Doc: "true: it can neither log in nor do anything"},
	{Name: "role", Shape: Word, Words: []string{"owner", "admin", "editor", "viewer", "join", "tunnel", "member"},
		Doc: "on the platform, over all organizations: owner, admin, editor or viewer; absent: none"},
	{Name: "open_ids", Shape: List, Of: Object, ItemsMax: 16, Struct: ofOpenIdName,
		Doc: "who it is at providers of identities, by which it signs in"},
}}

var ofScaleMetric = &Struct{Name: "ScaleMetric", Fields: []Field{
	{Name: "metric", Shape: Word, Words: []string{"CPU", "REQUESTS", "IN_FLIGHT"}, Default: `"CPU"`,
		Doc: "CPU, REQUESTS (per second) or IN_FLIGHT (requests at a time)"},
	{Name: "average_utilization", Shape: Integer, Max: 100, Default: `0`,
		Doc: "of CPU: percent of what the instances may use, on average"},
	{Name: "average_value", Shape: Integer, Max: 1000000, Default: `0`,
		Doc: "of REQUESTS and IN_FLIGHT: of an instance, on average"},
}}

var ofWorkloadTarget = &Struct{Name: "WorkloadTarget", Fields: []Field{
	{Name: "name", Shape: Text, Max: 63, Required: true,
		Doc: "within the workload"},
	{Name: "cities", Shape: List, Of: Text, ItemsMax: 64, Max: 63,
		Doc: "of its nodes; absent: any"},
	{Name: "regions", Shape: List, Of: Text, ItemsMax: 64, Min: 1, Max: 256,
		Doc: "of its nodes; absent: any"},
	{Name: "providers", Shape: List, Of: Text, ItemsMax: 64, Min: 1, Max: 256,
		Doc: "of its nodes; absent: any"},
	{Name: "min_replicas", Shape: Integer, Max: 1000, Default: `1`,
		Doc: "instances in each city at least"},
	{Name: "max_replicas", Shape: Integer, Max: 1000, Default: `0`,
		Doc: "instances in each city at most; absent: as min_replicas"},
	{Name: "metrics", Shape: List, Of: Object, ItemsMax: 3, Struct: ofScaleMetric,
		Doc: "by which each city is scaled between the two"},
	{Name: "scale_up_cooldown", Shape: Duration, Min: 1000000000, Max: 86400000000000, Default: `"15s"`,
		Doc: "after a decision, before more are started"},
	{Name: "scale_down_cooldown", Shape: Duration, Min: 1000000000, Max: 86400000000000, Default: `"5m"`,
		Doc: "after a decision or a greater need, before one is ended"},
}}

var ofWorkloadUpdate = &Struct{Name: "WorkloadUpdate", Fields: []Field{
	{Name: "max_unavailable", Shape: Integer, Max: 1000, Default: `0`,
		Doc: "of a city's replicas, while it is updated"},
	{Name: "max_surge", Shape: Integer, Max: 1000, Default: `1`,
		Doc: "beyond a city's replicas, while it is updated"},
	{Name: "min_healthy_time", Shape: Duration, Max: 3600000000000, Default: `"10s"`,
		Doc: "that an instance has to be ready before the next is replaced"},
	{Name: "healthy_deadline", Shape: Duration, Min: 1000000000, Max: 86400000000000, Default: `"5m"`,
		Doc: "within which a replaced instance has to be so"},
	{Name: "auto_revert", Shape: Bool, Default: `true`,
		Doc: "what can't be made ready goes back to what ran before"},
	{Name: "paused", Shape: Bool, Default: `false`,
		Doc: "no further instance is replaced"},
}}

var ofContainerGroup = &Struct{Name: "ContainerGroup", Fields: []Field{
	{Name: "init_containers", Shape: List, Of: Object, ItemsMax: 8, Struct: ofContainer,
		Doc: "run to their end before, one after the other"},
	{Name: "containers", Shape: List, Of: Object, ItemsMax: 8, ItemsMin: 1, Struct: ofContainer, Required: true,
		Doc: "share a network and are started and stopped together"},
	{Name: "volumes", Shape: List, Of: Text, ItemsMax: 16, Max: 63,
		Doc: "names; each lives as long as the instance"},
	{Name: "drain", Shape: Duration, Max: 3600000000000, Default: `"5s"`,
		Doc: "from not being ready to SIGTERM"},
	{Name: "stop_grace", Shape: Duration, Min: 1000000000, Max: 3600000000000, Default: `"30s"`,
		Doc: "from SIGTERM to SIGKILL"},
}}

var ofWorkloadProgress = &Struct{Name: "WorkloadProgress", Fields: []Field{
	{Name: "phase", Shape: Word, Words: []string{"DONE", "RUNNING", "REVERTED", "FAILED"}, Default: `"DONE"`,
		Doc: "of the last update"},
	{Name: "version", Shape: Text, Max: 256,
		Doc: "that it brings or has brought"},
	{Name: "city", Shape: Text, Max: 256,
		Doc: "where it is under way"},
	{Name: "since", Shape: Time,
		Doc: "when the phase began"},
	{Name: "good_version", Shape: Text, Max: 256,
		Doc: "that all instances ran last"},
	{Name: "good", Shape: Object, Struct: ofContainerGroup,
		Doc: "what that is"},
	{Name: "reason", Shape: Text, Max: 4096,
		Doc: "why it went back or can't go on"},
}}

var ofWorkloadSpec = &Struct{Name: "WorkloadSpec", Fields: []Field{
	{Name: "init_containers", Shape: List, Of: Object, ItemsMax: 8, Struct: ofContainer,
		Doc: "run to their end before, one after the other"},
	{Name: "containers", Shape: List, Of: Object, ItemsMax: 8, ItemsMin: 1, Struct: ofContainer, Required: true,
		Doc: "share a network and are started and stopped together"},
	{Name: "volumes", Shape: List, Of: Text, ItemsMax: 16, Max: 63,
		Doc: "names; each lives as long as the instance"},
	{Name: "drain", Shape: Duration, Max: 3600000000000, Default: `"5s"`,
		Doc: "from not being ready to SIGTERM"},
	{Name: "stop_grace", Shape: Duration, Min: 1000000000, Max: 3600000000000, Default: `"30s"`,
		Doc: "from SIGTERM to SIGKILL"},
	{Name: "pull_secrets", Shape: List, Of: Text, ItemsMax: 8, Max: 63,
		Doc: "Secrets with registry, username and password, for its images"},
	{Name: "anycast", Shape: Bool, Default: `false`,
		Doc: "edges in whose region none of its instances is ready don't announce shared addresses"},
	{Name: "targets", Shape: List, Of: Object, ItemsMax: 32, ItemsMin: 1, Struct: ofWorkloadTarget, Required: true,
		Doc: "where it runs"},
	{Name: "update", Shape: Object, Struct: ofWorkloadUpdate, Default: `{"max_unavailable":0,"max_surge":1,"min_healthy_time":"10s","healthy_deadline":"5m","auto_revert":true,"paused":false}`,
		Doc: "how a change of it gets to its instances"},
	{Name: "progress", Shape: Object, Struct: ofWorkloadProgress, ServerSet: true,
		Doc: "how far the last change has come"},
}}

var ofWorkloadCity = &Struct{Name: "WorkloadCity", Fields: []Field{
	{Name: "target", Shape: Text, Max: 256,
		Doc: "that it belongs to"},
	{Name: "city", Shape: Text, Max: 256,
		Doc: "that has nodes of the target"},
	{Name: "ready", Shape: Text, Max: 256,
		Doc: "instances, of all that are wanted"},
	{Name: "updated", Shape: Text, Max: 256,
		Doc: "of the version that is wanted, of all"},
	{Name: "reason", Shape: Text, Max: 4096,
		Doc: "why that is not all"},
}}

var ofWorkloadStatus = &Struct{Name: "WorkloadStatus", Fields: []Field{
	{Name: "ready", Shape: Text, Max: 256,
		Doc: "instances, of all that are wanted"},
	{Name: "updated", Shape: Text, Max: 256,
		Doc: "of the version that is wanted, of all"},
	{Name: "reason", Shape: Text, Max: 4096,
		Doc: "why that is not all"},
	{Name: "cities", Shape: List, Of: Object, ItemsMax: 1024, Struct: ofWorkloadCity,
		Doc: "each with its own"},
}}

var ofSite = &Struct{Name: "Site", Fields: []Field{
	{Name: "name", Shape: Text, Min: 1, Max: 63, Required: true,
		Doc: "by which answers name it: site/NAME"},
	{Name: "networks", Shape: List, Of: Text, ItemsMax: 1000, ItemsMin: 1, Max: 64, Required: true,
		Doc: "networks that are there: 192.0.2.0/24, 2001:db8::/32"},
}}

var ofZoneTransfers = &Struct{Name: "ZoneTransfers", Fields: []Field{
	{Name: "networks", Shape: List, Of: Text, ItemsMax: 64, Max: 64,
		Doc: "from which copies are taken; absent: from anywhere, and keys are required"},
	{Name: "keys", Shape: List, Of: Text, ItemsMax: 64, Max: 63,
		Doc: "Secrets with TSIG keys (name, algorithm, secret), one of which must sign the transfer"},
	{Name: "notify", Shape: List, Of: Text, ItemsMax: 32, Max: 260,
		Doc: "servers that are told of each change, as host:port"},
}}

var ofZoneUpdateRule = &Struct{Name: "ZoneUpdateRule", Fields: []Field{
	{Name: "key", Shape: Text, Min: 1, Max: 63, Required: true,
		Doc: "Secret with the TSIG key (name, algorithm, secret) that signs"},
	{Name: "names", Shape: List, Of: Text, ItemsMax: 64, Min: 1, Max: 253,
		Doc: "that it may write, relative to the zone: www, *.dev for all below dev, \"*\" for all; absent: all"},
	{Name: "types", Shape: List, Of: Word, ItemsMax: 64, Words: []string{"A", "AAAA", "CNAME", "MX", "TXT", "SRV", "PTR", "CAA", "NS", "SVCB", "HTTPS", "DS", "TLSA", "SSHFP", "NAPTR", "ALIAS"},
		Doc: "of records that it may write; absent: all"},
}}

var ofZoneSpec = &Struct{Name: "ZoneSpec", Fields: []Field{
	{Name: "nameservers", Shape: List, Of: Text, ItemsMax: 13, ItemsMin: 1, Min: 1, Max: 253, Required: true,
		Doc: "host names of the servers that answer for it; one without a dot is within the zone"},
	{Name: "hostmaster", Shape: Text, Max: 254,
		Doc: "e-mail address of who answers for it; absent: hostmaster@ the zone"},
	{Name: "ttl", Shape: Integer, Max: 604800, Default: `300`,
		Doc: "seconds that records are kept which have no ttl"},
	{Name: "negative_ttl", Shape: Integer, Max: 604800, Default: `60`,
		Doc: "seconds that it is kept that there is no record"},
	{Name: "records", Shape: Text, Max: 1048576,
		Doc: "records as a zone file has them (RFC 1035), for what no RecordSet says"},
	{Name: "sites", Shape: List, Of: Object, ItemsMax: 1000, Struct: ofSite,
		Doc: "places of your own, that answers of the policy GEO may name"},
	{Name: "transfers", Shape: Object, Struct: ofZoneTransfers,
		Doc: "who takes copies (AXFR, IXFR) and is told of changes (NOTIFY)"},
	{Name: "updates", Shape: List, Of: Object, ItemsMax: 64, Struct: ofZoneUpdateRule,
		Doc: "who may write its RecordSets by DNS UPDATE (RFC 2136)"},
}}

var ofZoneStatus = &Struct{Name: "ZoneStatus", Fields: []Field{
	{Name: "serving", Shape: Bool,
		Doc: "whether the name server here answers for it"},
	{Name: "serial", Shape: Integer,
		Doc: "of its SOA"},
	{Name: "records", Shape: Integer,
		Doc: "the same for everybody"},
	{Name: "reason", Shape: Text, Max: 4096,
		Doc: "why it is not served as it is written"},
}}
