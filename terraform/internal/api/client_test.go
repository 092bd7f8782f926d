package api

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A server that gives one answer after the other, the last one again and again, and a client that does not
// wait between attempts but notes how long it would.
type played struct {
	*Client
	requests []*http.Request
	pauses   []time.Duration
}

type answer struct {
	status int
	text   string
	after  string // Retry-After
}

func play(t *testing.T, answers ...answer) *played {
	t.Helper()
	p := &played{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		one := answers[min(len(p.requests), len(answers)-1)]
		p.requests = append(p.requests, r)
		if one.status == 0 { // the connection ends without an answer
			connection, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				connection.Close()
			}
			return
		}
		if one.after != "" {
			w.Header().Set("Retry-After", one.after)
		}
		w.WriteHeader(one.status)
		_, _ = w.Write([]byte(one.text))
	}))
	t.Cleanup(server.Close)
	client, err := New(Options{Address: server.URL, Token: "weir_x", Agent: "test"})
	if err != nil {
		t.Fatal(err)
	}
	client.pause = func(_ context.Context, wait time.Duration) error {
		p.pauses = append(p.pauses, wait)
		return nil
	}
	p.Client = client
	return p
}

const web = `{"kind":"Service","metadata":{"name":"web","revision":9007199254740993},"spec":{}}`

func TestRequestsAreWhatTheAPIWants(t *testing.T) {
	p := play(t, answer{status: 200, text: web})
	object, err := p.Get(t.Context(), "services", "web")
	if err != nil || object.Reference() != "Service/web" {
		t.Fatal(object, err)
	}
	if number := object.Metadata["revision"]; number != json.Number("9007199254740993") {
		t.Errorf("revision %v", number)
	}
	if _, err := p.Replace(t.Context(), "services", object, 17); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Create(t.Context(), "services", object); err != nil {
		t.Fatal(err)
	}
	if err := p.Delete(t.Context(), "services", "web"); err != nil {
		t.Fatal(err)
	}
	if err := p.Judge(t.Context(), []*Object{object}); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, r := range p.requests {
		lines = append(lines, strings.TrimSpace(r.Method+" "+r.RequestURI+" "+r.Header.Get("If-Match")))
		if r.Header.Get("Authorization") != "Bearer weir_x" || r.Header.Get("User-Agent") != "test" {
			t.Errorf("%s: fields %v", r.Method, r.Header)
		}
	}
	wanted := `GET /v1/services/web
PUT /v1/services/web "17"
POST /v1/services
DELETE /v1/services/web
POST /v1/apply?dry_run=true`
	if got := strings.Join(lines, "\n"); got != wanted {
		t.Errorf("got\n%s", got)
	}
}

func TestRefusalsAreProblems(t *testing.T) {
	p := play(t, answer{status: 422, text: `{"type":"urn:weir:problem:invalid","title":"Unprocessable","status":422,
		"detail":"one thing is wrong","request_id":"abc",
		"violations":[{"field":"spec.ttl","message":"must be at least 0","object":"Zone/a"}]}`})
	_, err := p.Get(t.Context(), "zones", "a")
	problem := Refused(err)
	if problem == nil || problem.Status != 422 || len(problem.Violations) != 1 {
		t.Fatalf("%#v", err)
	}
	for _, part := range []string{"one thing is wrong", "Zone/a: spec.ttl: must be at least 0", "request abc"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in %q", part, err)
		}
	}
	if len(p.requests) != 1 {
		t.Errorf("%d requests", len(p.requests))
	}
}

func TestOnlyTheAPIItselfSaysThatAnObjectIsMissing(t *testing.T) {
	const missing = `{"type":"urn:weir:problem:not-found","detail":"there is no Service/web"}`
	const noKind = `{"type":"urn:weir:problem:not-found","detail":"no such kind; GET /v1 lists them"}`
	for text, wanted := range map[string]bool{missing: true, noKind: false, "<h1>not here</h1>": false, "{}": false} {
		_, err := play(t, answer{status: 404, text: text}).Get(t.Context(), "services", "web")
		if err == nil || Missing(err) != wanted {
			t.Errorf("%s: %v is missing: %v", text, err, !wanted)
		}
	}
	if Missing(nil) || Missing(errors.New("there is no ")) {
		t.Error("what is no refusal says that it is missing")
	}
}

func TestAnswersOfSomebodyElse(t *testing.T) {
	for _, test := range []struct {
		answer  answer
		problem string
	}{
		{answer{status: 200, text: "<html>"}, "is no object"},
		{answer{status: 502, text: "<html>"}, "none of weir's API"},
		{answer{status: 302, text: ""}, "302 Found"}, // a token goes nowhere else
	} {
		_, err := play(t, test.answer).Get(t.Context(), "services", "web")
		if err == nil || !strings.Contains(err.Error(), test.problem) {
			t.Errorf("%v: %v, not %q", test.answer, err, test.problem)
		}
	}
}

func TestAttemptsAreBounded(t *testing.T) {
	p := play(t, answer{status: 503, text: "{}", after: "2"})
	_, err := p.Get(t.Context(), "services", "web")
	if problem := Refused(err); problem == nil || problem.Status != 503 {
		t.Fatal(err)
	}
	if len(p.requests) != attemptsMax || len(p.pauses) != attemptsMax-1 {
		t.Errorf("%d requests, pauses %v", len(p.requests), p.pauses)
	}
	for _, pause := range p.pauses {
		if pause < 2*time.Second || pause > pauseMax {
			t.Errorf("a pause of %v", pause)
		}
	}
}

func TestAfterSomeTimeItAnswers(t *testing.T) {
	p := play(t, answer{status: 503, text: "{}"}, answer{status: 200, text: web})
	if _, err := p.Replace(t.Context(), "services", &Object{Kind: "Service"}, 1); err != nil {
		t.Fatal(err)
	}
	if len(p.requests) != 2 || len(p.pauses) != 1 || p.pauses[0] != firstPause {
		t.Errorf("%d requests, pauses %v", len(p.requests), p.pauses)
	}
}

func TestWhatMayHaveBeenDoneIsNotDoneAgain(t *testing.T) {
	for method, wanted := range map[string]int{"GET": attemptsMax, "POST": 1, "DELETE": 1} {
		p := play(t, answer{})
		// A connection of its own for each: Go repeats by itself what it sent on an old one.
		p.http.Transport.(*http.Transport).DisableKeepAlives = true
		var err error
		switch method {
		case "GET":
			_, err = p.Get(t.Context(), "services", "web")
		case "POST":
			_, err = p.Create(t.Context(), "services", &Object{Kind: "Service"})
		default:
			err = p.Delete(t.Context(), "services", "web")
		}
		var unreachable *Unreachable
		if !errors.As(err, &unreachable) || !unreachable.Sent || !strings.Contains(err.Error(), "or not") {
			t.Errorf("%s: %v", method, err)
		}
		if len(p.requests) != wanted {
			t.Errorf("%s: %d requests, not %d", method, len(p.requests), wanted)
		}
	}
}

func TestNobodyListening(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + listener.Addr().String()
	listener.Close()
	client, err := New(Options{Address: address})
	if err != nil {
		t.Fatal(err)
	}
	attempts := 1
	client.pause = func(context.Context, time.Duration) error { attempts++; return nil }
	_, err = client.Create(t.Context(), "services", &Object{})
	var unreachable *Unreachable
	if !errors.As(err, &unreachable) || unreachable.Sent || attempts != attemptsMax {
		t.Errorf("%v after %d attempts", err, attempts)
	}
	if !strings.Contains(err.Error(), address) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("%v", err)
	}
}

func TestPausesEndWithTheContext(t *testing.T) {
	p := play(t, answer{status: 503, text: "{}"})
	p.pause = sleep
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := sleep(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := sleep(t.Context(), 0); err != nil {
		t.Error(err)
	}
}

func TestCertificatesAreVerified(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(web))
	}))
	defer server.Close()
	server.Config.ErrorLog = nil
	file := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	known, err := New(Options{Address: server.URL, CAFile: file})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := known.Get(t.Context(), "services", "web"); err != nil {
		t.Error(err)
	}
	stranger, err := New(Options{Address: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	stranger.pause = func(context.Context, time.Duration) error { return errors.New("it tried again") }
	_, err = stranger.Get(t.Context(), "services", "web")
	if err == nil || !strings.Contains(err.Error(), "ca_file says whom to believe") {
		t.Error(err)
	}
}

func TestWhatIsNoClient(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		options Options
		problem string
	}{
		{Options{Address: ""}, "is no address"},
		{Options{Address: "127.0.0.1:8480"}, "is no address"},
		{Options{Address: "ftp://a"}, "is no address"},
		{Options{Address: "http://a/v1"}, "more than a scheme"},
		{Options{Address: "http://user@a"}, "more than a scheme"},
		{Options{Address: "https://a", CAFile: empty}, "holds no certificate"},
		{Options{Address: "https://a", CAFile: empty + "x"}, "no such file"},
	} {
		if _, err := New(test.options); err == nil || !strings.Contains(err.Error(), test.problem) {
			t.Errorf("%v: %v, not %q", test.options, err, test.problem)
		}
	}
}

func TestTokensInTheClear(t *testing.T) {
	for address, wanted := range map[string]bool{
		"http://127.0.0.1:8480": false, "http://[::1]:1": false, "http://localhost": false,
		"https://weir.example": false, "http://weir.example": true, "http://192.0.2.1:8480/": true,
	} {
		for _, token := range []string{"", "weir_x"} {
			client, err := New(Options{Address: address, Token: token})
			if err != nil {
				t.Fatal(err)
			}
			if client.InTheClear() != (wanted && token != "") {
				t.Errorf("%s with token %q: %v", address, token, client.InTheClear())
			}
		}
	}
}
