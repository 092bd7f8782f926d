package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Problem is a refusal of the API (RFC 9457).
type Problem struct {
	Type       string      `json:"type"`
	Title      string      `json:"title"`
	Status     int         `json:"status"`
	Detail     string      `json:"detail"`
	RequestID  string      `json:"request_id"`
	Violations []Violation `json:"violations"`
}

// Violation is one thing that is wrong, and where.
type Violation struct {
	Field   string `json:"field"` // "spec.listeners[0].port"
	Message string `json:"message"`
	Object  string `json:"object"` // "LoadBalancer/web", where several were looked at
}

func (v Violation) String() string {
	var parts []string
	for _, part := range []string{v.Object, v.Field, v.Message} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ": ")
}

func (p *Problem) Error() string {
	text := p.Detail
	if text == "" {
		text = p.Title
	}
	for _, violation := range p.Violations {
		text += "\n" + violation.String()
	}
	if p.RequestID != "" {
		text += "\n(status " + fmt.Sprint(p.Status) + ", request " + p.RequestID + ")"
	}
	return text
}

// What is no problem document comes from something in between, or from no weir at all.
func readProblem(status int, text []byte) *Problem {
	problem := &Problem{}
	if json.Unmarshal(text, problem) != nil || problem.Type == "" {
		problem = &Problem{
			Detail: fmt.Sprintf("the answer is %d %s, and none of weir's API", status, http.StatusText(status)),
		}
	}
	problem.Status = status
	return problem
}

// Refused answers with the refusal that an error is, or nil.
func Refused(err error) *Problem {
	var problem *Problem
	if errors.As(err, &problem) {
		return problem
	}
	return nil
}

// Missing tells whether an error says that there is no such object. A path that this weir does not have, or
// somebody else's 404, says nothing of an object.
func Missing(err error) bool {
	problem := Refused(err)
	return problem != nil && problem.Status == http.StatusNotFound &&
		problem.Type == "urn:weir:problem:not-found" && strings.HasPrefix(problem.Detail, "there is no ")
}
