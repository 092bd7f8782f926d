// Command terraform-provider-weir is run by Terraform and OpenTofu.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"

	"weir.example/terraform-provider-weir/internal/provider"
)

var version = "dev" // set by the build

func main() {
	debug := flag.Bool("debug", false, "wait for a debugger; prints how Terraform finds this process")
	flag.Parse()
	err := providerserver.Serve(context.Background(), provider.New(version), providerserver.ServeOpts{
		Address: "registry.terraform.io/weir/weir",
		Debug:   *debug,
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "terraform-provider-weir:", err)
		os.Exit(1)
	}
}
