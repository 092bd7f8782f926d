# A site over three origins with a name of its own, as OpenTofu or Terraform make it so (docs/terraform.md).
terraform {
  required_providers {
    weir = { source = "weir/weir" }
  }
}

# Which API, and by which token: WEIR_API and WEIR_TOKEN, or
#   address = "https://weir.example:8480", token_file = "admin.token", ca_file = "ca.pem"
provider "weir" {}

variable "origins" {
  type    = list(string)
  default = ["127.0.0.1:9001", "127.0.0.1:9002"]
}

resource "weir_service" "web" {
  name      = "web"
  endpoints = [for origin in var.origins : { address = origin }]
  health_check = {
    interval = "5s"
    timeout  = "2s"
    http     = { path = "/healthz" }
  }
}

# One more, as an object of its own: others can add and remove such without touching the service.
resource "weir_endpoint" "extra" {
  name    = "web-extra"
  service = weir_service.web.name
  address = "127.0.0.1:9003"
  weight  = 2
}

resource "weir_load_balancer" "web" {
  name   = "web"
  labels = { team = "shop" }
  listeners = [
    { protocol = "HTTP", hostnames = ["web.weir.localhost"] },
  ]
  routes = [
    {
      match    = { path = "/old" }
      redirect = { path = "/", status = 301 }
    },
    {
      match            = { path_prefix = "/api" }
      backends         = [{ service = weir_service.web.name }]
      rate_limits      = [{ requests = 50, per = "1s", by_address = true }]
      response_headers = { set = [{ name = "Cache-Control", value = "no-store" }] }
    },
    { backends = [{ service = weir_service.web.name }] },
  ]
}

resource "weir_zone" "shop" {
  name        = "shop.example"
  nameservers = ["ns1", "ns2"]
  records     = <<-ZONE
    ns1 A 192.0.2.53
    ns2 A 198.51.100.53
    @ MX 10 mail.b.example.
  ZONE
}

# What a client of the zone's apex gets follows weights.
resource "weir_record_set" "apex" {
  name   = "shop.example"
  zone   = weir_zone.shop.name
  type   = "A"
  ttl    = 30
  policy = "WEIGHTED"
  answers = [
    { value = "192.0.2.80", weight = 75 },
    { value = "198.51.100.80", weight = 25 },
  ]
}

# The service's own addresses, those that are healthy.
resource "weir_record_set" "origins" {
  name        = "origins.shop.example"
  zone        = weir_zone.shop.name
  record_name = "origins"
  type        = "A"
  policy      = "MULTI"
  service     = weir_service.web.name
}

data "weir_load_balancer" "web" {
  name = weir_load_balancer.web.name
}

output "listens_at" {
  value = data.weir_load_balancer.web.status.listeners[*].address
}
