// Package api talks to weir's API: one request at a time, with a bearer token, and refusals as values.
package api

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// Limits of a call.
const (
	attemptsMax     = 5
	requestTimeout  = 60 * time.Second // of one attempt
	firstPause      = 200 * time.Millisecond
	pauseMax        = 3 * time.Second
	answerBytesMax  = 64 << 20
	problemBytesMax = 1 << 20
)

// Client calls one API. Safe for use by several at the same time.
type Client struct {
	base  *url.URL
	token string
	agent string
	http  *http.Client
	pause func(ctx context.Context, wait time.Duration) error // between two attempts
}

// Options say which API, and who asks.
type Options struct {
	Address string // a URL
	Token   string // empty: none is sent
	CAFile  string // PEM bundle that the API's certificate is verified with; empty: the system's
	Agent   string // the User-Agent
}

// New makes a client; nothing is asked yet.
func New(options Options) (*Client, error) {
	base, err := url.Parse(strings.TrimSuffix(options.Address, "/"))
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") {
		return nil, fmt.Errorf("%q is no address of an API, such as https://weir.example:8480", options.Address)
	}
	if base.Path != "" || base.RawQuery != "" || base.User != nil {
		return nil, fmt.Errorf("%q has more than a scheme, a host and a port", options.Address)
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 4}
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	if options.CAFile != "" {
		pem, err := os.ReadFile(options.CAFile)
		if err != nil {
			return nil, err
		}
		transport.TLSClientConfig.RootCAs = x509.NewCertPool()
		if !transport.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate (PEM)", options.CAFile)
		}
	}
	refuse := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{
		base:  base,
		token: options.Token,
		agent: options.Agent,
		http:  &http.Client{Transport: transport, Timeout: requestTimeout, CheckRedirect: refuse},
		pause: sleep,
	}, nil
}

// InTheClear tells whether the token crosses a network that others can read.
func (c *Client) InTheClear() bool {
	host := c.base.Hostname()
	ip := net.ParseIP(host)
	local := host == "localhost" || strings.HasSuffix(host, ".localhost") || (ip != nil && ip.IsLoopback())
	return c.base.Scheme == "http" && c.token != "" && !local
}

func sleep(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// An Unreachable API gave no answer. Sent tells whether it may have acted on the request all the same.
type Unreachable struct {
	Address string
	Sent    bool
	Err     error
}

func (u *Unreachable) Error() string {
	text := "the API at " + u.Address + " does not answer: " + u.Err.Error()
	if u.Sent {
		text += "; it may have done what was asked, or not"
	}
	return text
}

func (u *Unreachable) Unwrap() error { return u.Err }

type request struct {
	method  string
	path    string
	query   string
	content any    // nil: none
	match   string // If-Match; empty: not sent
}

// Answers with the content of a 2xx, else with a *Problem or an *Unreachable.
func (c *Client) call(ctx context.Context, r request) ([]byte, error) {
	var content []byte
	if r.content != nil {
		var err error
		if content, err = json.Marshal(r.content); err != nil {
			return nil, err
		}
	}
	pause := firstPause
	for attempt := 1; ; attempt++ {
		body, wait, err := c.attempt(ctx, r, content)
		if err == nil || attempt == attemptsMax || !c.again(r, err) {
			return body, err
		}
		if err := c.pause(ctx, min(max(pause, wait), pauseMax)); err != nil {
			return nil, err
		}
		pause *= 2
	}
}

// Whether another attempt can do no harm: nothing was done, or doing it twice is doing it once.
func (c *Client) again(r request, err error) bool {
	var unreachable *Unreachable
	var certificate *tls.CertificateVerificationError // which another attempt makes no better
	if errors.As(err, &unreachable) && !errors.As(err, &certificate) {
		return !unreachable.Sent || r.method == http.MethodGet
	}
	var problem *Problem
	return errors.As(err, &problem) && problem.Status == http.StatusServiceUnavailable
}

func (c *Client) attempt(ctx context.Context, r request, content []byte) ([]byte, time.Duration, error) {
	target := *c.base
	target.Path, target.RawQuery = r.path, r.query
	call, err := http.NewRequestWithContext(ctx, r.method, target.String(), bytes.NewReader(content))
	if err != nil {
		return nil, 0, err
	}
	call.Header.Set("User-Agent", c.agent)
	call.Header.Set("Accept", "application/json, application/problem+json")
	if content != nil {
		call.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		call.Header.Set("Authorization", "Bearer "+c.token)
	}
	if r.match != "" {
		call.Header.Set("If-Match", r.match)
	}
	answer, err := c.http.Do(call)
	if err != nil {
		return nil, 0, c.unreachable(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, problemBytesMax))
		seconds, _ := strconv.Atoi(answer.Header.Get("Retry-After"))
		return nil, time.Duration(min(max(seconds, 0), 60)) * time.Second, readProblem(answer.StatusCode, text)
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, answerBytesMax+1))
	if err != nil {
		return nil, 0, c.unreachable(err)
	}
	if len(body) > answerBytesMax {
		return nil, 0, fmt.Errorf("the answer of %s is longer than %d bytes", target.String(), answerBytesMax)
	}
	return body, 0, nil
}

func (c *Client) unreachable(err error) error {
	var dial *net.OpError
	var resolve *net.DNSError
	var certificate *tls.CertificateVerificationError
	sent := !(errors.As(err, &dial) && dial.Op == "dial") && !errors.As(err, &resolve)
	if errors.As(err, &certificate) {
		sent = false
		err = fmt.Errorf("%w; the provider's ca_file says whom to believe", err)
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) && wrapped.Err != nil && !errors.As(err, &certificate) {
		err = wrapped.Err // without method and address, which are told anyway
	}
	return &Unreachable{Address: c.base.String(), Sent: sent, Err: err}
}

// An Object is one resource as the API has it.
type Object struct {
	Kind     string         `json:"kind"`
	Metadata map[string]any `json:"metadata"`
	Spec     map[string]any `json:"spec"`
	Status   map[string]any `json:"status,omitempty"`
	Secret   string         `json:"secret,omitempty"` // told once
}

// Name is what others call it by.
func (o *Object) Name() string {
	name, _ := o.Metadata["name"].(string)
	return name
}

// Reference is how problems call it: "Service/web".
func (o *Object) Reference() string { return o.Kind + "/" + o.Name() }

func readObject(text []byte) (*Object, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber() // a revision is longer than what a float64 holds
	object := &Object{}
	if err := decoder.Decode(object); err != nil {
		return nil, fmt.Errorf("the API's answer is no object: %w", err)
	}
	return object, nil
}

func pathOf(plural, name string) string { return "/v1/" + plural + "/" + name }

func (c *Client) object(ctx context.Context, r request) (*Object, error) {
	text, err := c.call(ctx, r)
	if err != nil {
		return nil, err
	}
	return readObject(text)
}

// Get reads one.
func (c *Client) Get(ctx context.Context, plural, name string) (*Object, error) {
	return c.object(ctx, request{method: http.MethodGet, path: pathOf(plural, name)})
}

// Create makes one that is not there yet.
func (c *Client) Create(ctx context.Context, plural string, object *Object) (*Object, error) {
	return c.object(ctx, request{method: http.MethodPost, path: "/v1/" + plural, content: object})
}

// Replace writes over the one of a revision.
func (c *Client) Replace(
	ctx context.Context, plural string, object *Object, revision int64,
) (*Object, error) {
	match := `"` + strconv.FormatInt(revision, 10) + `"`
	return c.object(ctx, request{
		method: http.MethodPut, path: pathOf(plural, object.Name()), content: object, match: match,
	})
}

// Delete removes one, whatever it is by now.
func (c *Client) Delete(ctx context.Context, plural, name string) error {
	_, err := c.call(ctx, request{method: http.MethodDelete, path: pathOf(plural, name)})
	return err
}

// Judge asks what the API would say to these objects together. Nothing is written.
func (c *Client) Judge(ctx context.Context, objects []*Object) error {
	_, err := c.call(ctx, request{
		method: http.MethodPost, path: "/v1/apply", query: "dry_run=true", content: objects,
	})
	return err
}
