// CoreDNS with the plugins that the bench uses. Which others are compiled in changes nothing for a zone that
// does not name them; theirs are the clients of whole clouds.
package main

import (
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/file"
	_ "github.com/coredns/coredns/plugin/minimal"

	"github.com/coredns/coredns/coremain"
)

func main() { coremain.Run() }
