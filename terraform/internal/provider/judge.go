package provider

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"weir.example/terraform-provider-weir/internal/api"
)

// A judge asks the API at plan time what it would say to an object, along with all that were planned before
// it: one may name others that are only going to be made. Terraform plans what is named before what names
// it.
type judge struct {
	client *api.Client

	mutex    sync.Mutex // also while the API is asked: of two objects that exclude each other one comes first
	planned  map[string]*api.Object
	order    []string
	unjudged map[string]bool // objects of this plan that are not among those: "Service/web"
}

// Beyond that many, objects are judged when they are applied: each question has all of them.
const plannedMax = 400

func newJudge(client *api.Client) *judge {
	return &judge{client: client, planned: map[string]*api.Object{}, unjudged: map[string]bool{}}
}

// skip notes an object that can't be judged yet: not all of it is known.
func (j *judge) skip(reference string) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	j.unjudged[reference] = true
}

// hear adds what is wrong with an object to found.
func (j *judge) hear(
	ctx context.Context, fields resourceFields, object *api.Object, found *diag.Diagnostics,
) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	reference := object.Reference()
	if len(j.planned) >= plannedMax {
		j.unjudged[reference] = true
		return
	}
	var together []*api.Object
	for _, other := range j.order {
		if other != reference {
			together = append(together, j.planned[other])
		}
	}
	err := j.client.Judge(ctx, append(together, object))
	if err != nil {
		j.refuse(fields, reference, err, found)
		return
	}
	delete(j.unjudged, reference)
	if j.planned[reference] == nil {
		j.order = append(j.order, reference)
	}
	j.planned[reference] = object
}

func (j *judge) refuse(fields resourceFields, reference string, err error, found *diag.Diagnostics) {
	j.unjudged[reference] = true
	problem := api.Refused(err)
	switch {
	case problem == nil:
		found.AddWarning("The API was not asked about "+reference,
			"What it would refuse shows when the plan is applied: "+err.Error())
	case problem.Status == http.StatusUnprocessableEntity:
		j.tellOwn(fields, reference, problem, found)
	case problem.Status == http.StatusUnauthorized || problem.Status == http.StatusForbidden:
		found.AddError("The API refuses the provider's token", problem.Error())
	case strings.Contains(problem.Detail, reference): // such as a rollout that is under way
		found.AddError(reference+" would be refused", problem.Error())
	default:
		found.AddWarning("The API could not judge "+reference, problem.Error())
	}
}

var missingPattern = regexp.MustCompile(`^there is no ([A-Za-z]+) "([^"]*)"$`)

// What is wrong with this object is an error; with others that are there already, a warning: they may be
// changed by the same plan, later.
func (j *judge) tellOwn(
	fields resourceFields, reference string, problem *api.Problem, found *diag.Diagnostics,
) {
	own, others := *problem, []string{}
	own.Violations = nil
	for _, violation := range problem.Violations {
		named := missingPattern.FindStringSubmatch(violation.Message)
		switch {
		case named != nil && j.unjudged[named[1]+"/"+named[2]]: // it is going to be there
		case violation.Object == reference || violation.Object == "":
			own.Violations = append(own.Violations, violation)
		case j.planned[violation.Object] == nil:
			others = append(others, violation.String())
		}
	}
	if len(own.Violations) > 0 {
		tell(fields, reference+" would be refused", &own, reference, found)
	}
	if len(others) > 0 {
		found.AddWarning(reference+" does not fit others as they are now", strings.Join(others, "\n"))
	}
}
