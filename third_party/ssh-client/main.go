// ssh-client: a remote forward by Go's SSH library, for lab/black_box/test_ssh_clients.py.
//
//	ssh-client SERVER USER KEY ORIGIN
//
// Prints "listening ADDRESS", and connects each visitor to ORIGIN. Its server is one of a test: the host key is
// not looked at.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"os"

	"golang.org/x/crypto/ssh"
)

func main() {
	if len(os.Args) != 5 {
		log.Fatal("usage: ssh-client SERVER USER KEY ORIGIN")
	}
	pem, err := os.ReadFile(os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	key, err := ssh.ParsePrivateKey(pem)
	if err != nil {
		log.Fatal(err)
	}
	client, err := ssh.Dial("tcp", os.Args[1], &ssh.ClientConfig{
		User:            os.Args[2],
		Auth:            []ssh.AuthMethod{ssh.PublicKeys(key)},
		HostKeyCallback: ssh.InsecureIgnoreHostKey(),
	})
	if err != nil {
		log.Fatal(err)
	}
	listener, err := client.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening", listener.Addr())
	for {
		visitor, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go serve(visitor, os.Args[4])
	}
}

func serve(visitor net.Conn, origin string) {
	defer visitor.Close()
	served, err := net.Dial("tcp", origin)
	if err != nil {
		return
	}
	defer served.Close()
	uploaded := make(chan struct{})
	go func() {
		io.Copy(served, visitor)
		served.(*net.TCPConn).CloseWrite()
		close(uploaded)
	}()
	io.Copy(visitor, served)
	visitor.(interface{ CloseWrite() error }).CloseWrite()
	<-uploaded
}
