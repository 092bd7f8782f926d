# What ../edge-workload.yaml says, as OpenTofu or Terraform make it so (docs/terraform.md).
terraform {
  required_providers {
    weir = { source = "weir/weir" }
  }
}

# WEIR_API, WEIR_TOKEN and WEIR_CA say which weir, and by which token.
provider "weir" {}

variable "name" {
  type    = string
  default = "my-anycast-workload"
}

variable "image" {
  type    = string
  default = "weir/hello-edge:1"
}

variable "cities" {
  type    = list(string)
  default = ["dfw", "sea"]
}

variable "hostname" {
  type    = string
  default = "hello.example"
}

resource "weir_service" "app" {
  name            = var.name
  connect_timeout = "500ms"
  retries         = { attempts = 2, per_try_timeout = "2s" }
  health_check = {
    interval = "1s"
    timeout  = "1s"
    http     = { path = "/healthz" }
  }
}

resource "weir_load_balancer" "app" {
  name      = var.name
  listeners = [{ protocol = "HTTP", hostnames = [var.hostname] }]
  routes    = [{ backends = [{ service = weir_service.app.name }] }]
}

resource "weir_workload" "app" {
  name    = var.name
  anycast = true

  containers = [{
    name            = "app"
    image           = var.image
    env             = [{ name = "VERSION", value = "1" }]
    ports           = [{ port = 8080, service = weir_service.app.name }]
    resources       = { cpu = "100m", memory = "32Mi", pids = 64 }
    security        = { user = "1000:1000", read_only_root = true }
    readiness_probe = { http = { port = 8080, path = "/healthz" }, period = "1s" }
    liveness_probe  = { http = { port = 8080, path = "/healthz" }, period = "5s", timeout = "3s" }
  }]
  drain      = "2s"
  stop_grace = "5s"

  targets = [{
    name                = "global"
    cities              = var.cities
    min_replicas        = 3
    max_replicas        = 4
    metrics             = [{ metric = "CPU", average_utilization = 50 }]
    scale_up_cooldown   = "10s"
    scale_down_cooldown = "20s"
  }]
  update = { min_healthy_time = "2s", healthy_deadline = "30s" }
}
