# Machines of two regions behind one name: each comes by itself, through a tunnel of SSH (README.md).
terraform {
  required_providers {
    weir = { source = "weir/weir" }
  }
}

# WEIR_API, WEIR_TOKEN and WEIR_CA say which weir, and by which token.
provider "weir" {}

variable "machines" {
  description = "Each machine's region."
  type        = map(string)
  default     = { nyc-1 = "nyc", nyc-2 = "nyc", tor-1 = "tor", tor-2 = "tor" }
}

variable "edges" {
  description = "The edge that machines of a region connect to."
  type        = map(string)
  default     = { nyc = "edge-nyc.weir.example", tor = "edge-tor.weir.example" }
}

variable "ssh_port" {
  type    = number
  default = 2222
}

variable "known_hosts" {
  description = "What `weir ca --ssh` prints on a controller: by it, machines know every edge."
  type        = string
}

variable "hostname" {
  description = "Where visitors find it."
  type        = string
  default     = "hello.weir.example"
}

variable "create" {
  description = "Makes a machine. The shell has $NAME, $REGION and $USER_DATA."
  type        = string
}

variable "destroy" {
  description = "Shuts machine $NAME down, and deletes it."
  type        = string
}

# --- in weir

resource "weir_user" "machines" {
  name         = "machines"
  email        = "machines@weir.example"
  display_name = "The machines of two regions"
}

# One for all: a machine is told from the others by its name.
resource "weir_token" "machines" {
  name = "machines"
  role = "tunnel"
  user = weir_user.machines.name
}

resource "weir_service" "hello" {
  name            = "hello"
  labels          = { "weir/owner" = weir_user.machines.name } # whose tunnels join it
  connect_timeout = "1s"
  retries         = { attempts = 2, per_try_timeout = "1s" }
  health_check = {
    interval            = "1s"
    timeout             = "1s"
    unhealthy_threshold = 2
    http                = { path = "/" }
  }
}

resource "weir_load_balancer" "hello" {
  name      = "hello"
  listeners = [{ protocol = "HTTP", hostnames = [var.hostname] }]
  routes    = [{ backends = [{ service = weir_service.hello.name }] }]
}

# --- in the clouds

locals {
  user_data = {
    for region in distinct(values(var.machines)) : region => templatefile("${path.module}/user-data.yaml", {
      edge        = var.edges[region]
      port        = var.ssh_port
      service     = weir_service.hello.name
      known_hosts = trimspace(var.known_hosts)
      token       = weir_token.machines.secret
    })
  }
}

# Any cloud's command line makes it; with a provider for that cloud it is that one's resource for a machine,
# with the same user-data.
resource "terraform_data" "machine" {
  for_each         = var.machines
  triggers_replace = [each.value, sha256(local.user_data[each.value])]
  input            = { name = each.key, destroy = var.destroy }

  provisioner "local-exec" {
    command     = var.create
    environment = { NAME = each.key, REGION = each.value, USER_DATA = local.user_data[each.value] }
  }

  provisioner "local-exec" {
    when        = destroy
    command     = self.input.destroy
    environment = { NAME = self.input.name }
  }
}

output "visit" { value = "http://${var.hostname}/" }
