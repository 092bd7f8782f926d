// How a name is answered: zone, record set and policy, name by name.
import { Card } from "../../ui/page";
import { lower } from "../../ui/parts";
import { Pill } from "../../ui/pill";
import { Step } from "./steps";

interface DnsStep {
  name: string;
  zone?: string;
  serial?: number;
  delegation?: string;
  wildcard?: string;
  records?: string; // RecordSet/www.example.com, or Zone/example.com
  policy?: string;
  alias?: string;
  computed_at?: string;
  places?: { place: string; answers: number; usable: number }[];
  place?: string;
  answers?: {
    value: string;
    weight: number;
    priority: number;
    provider?: string;
    places?: string[];
    healthy: boolean;
    given: boolean;
    why_not?: string;
  }[];
  given?: string[];
  ttl?: number;
  outcome?: string;
}
export interface DnsDecision {
  name: string;
  type: string;
  from: string;
  steps: DnsStep[];
  rcode: string;
  scope_bits: number;
}

export function DnsPath({ decision }: { decision: DnsDecision }) {
  const given = decision.steps.flatMap((one) => one.given ?? []);
  const ok = decision.rcode === "NOERROR";
  return (
    <Card
      title={
        <code class="asked">
          {bare(decision.name)} {decision.type}
        </code>
      }
      actions={<span class="faint">from {decision.from}</span>}
    >
      <ol class="path">
        {decision.steps.flatMap((step, i) => stepsOf(step, i))}
        <Step
          tone={!ok ? "bad" : given.length > 0 ? "good" : "warn"}
          icon={ok ? "check" : "bad"}
          title={
            given.length > 0 ? (
              <code>{given.join(", ")}</code>
            ) : ok ? (
              "There is no such record"
            ) : (
              decision.rcode
            )
          }
          outcome={`${decision.rcode}${decision.scope_bits > 0 ? `; holds for the client's /${decision.scope_bits}` : ""}`}
        />
      </ol>
    </Card>
  );
}

const bare = (name: string) => name.replace(/(?<=.)\.$/, "");

const linkOf = (records: string) => {
  const [kind, name] = records.split("/", 2);
  return <a href={kind === "Zone" ? `/zones/${name}` : `/recordsets/${name}`}>{name}</a>;
};

function stepsOf(step: DnsStep, index: number) {
  const key = (part: string) => `${index}/${part}`;
  const found = [
    <Step
      key={key("zone")}
      tone={step.zone ? "good" : "bad"}
      icon="dns"
      title={
        step.zone
          ? `${bare(step.name)} is in the zone ${bare(step.zone)}`
          : `${bare(step.name)} is in no zone here`
      }
      outcome={
        step.zone
          ? [
              `serial ${step.serial}`,
              step.delegation && `below ${step.delegation} others answer`,
              step.wildcard && `by the wildcard ${step.wildcard}`,
            ]
              .filter(Boolean)
              .join("; ")
          : step.outcome
      }
    />,
  ];
  if (step.records) {
    found.push(
      <Step
        key={key("set")}
        tone="good"
        icon="audit"
        title={
          <>
            {step.records.startsWith("Zone/") ? "Plain records of " : "The record set "}
            {linkOf(step.records)}
          </>
        }
        outcome={[
          step.policy && lower(step.policy),
          step.alias && `as ${step.alias}`,
          step.ttl !== undefined && `may be kept for ${step.ttl} s`,
        ]
          .filter(Boolean)
          .join(", ")}
      />,
    );
  }
  if (step.places) {
    found.push(
      <Step
        key={key("places")}
        tone={step.place ? "good" : "warn"}
        icon="globe"
        title={step.place ? `The client is in ${step.place}` : "The client is in none of its places"}
      >
        <ul class="decisions">
          {step.places.map((one) => (
            <li key={one.place}>
              <Pill tone={one.usable > 0 ? "good" : "bad"}>
                {one.usable} of {one.answers} usable
              </Pill>
              <code>{one.place}</code>
            </li>
          ))}
        </ul>
      </Step>,
    );
  }
  if (step.answers || (step.outcome && step.zone)) {
    found.push(
      <Step
        key={key("answers")}
        tone={(step.given ?? []).length > 0 ? "good" : "warn"}
        icon="pool"
        title={step.outcome ?? "Answers"}
      >
        {step.answers && (
          <ul class="decisions">
            {step.answers.map((one) => (
              <li key={one.value}>
                <Pill tone={one.given ? "good" : one.healthy ? "idle" : "bad"}>
                  {one.given ? "given" : one.healthy ? "healthy" : "not healthy"}
                </Pill>
                <span>
                  <code>{one.value}</code>{" "}
                  <span class="faint">
                    {[
                      `weight ${one.weight}`,
                      one.priority > 0 && `priority ${one.priority}`,
                      one.provider,
                      one.places?.join(", "),
                    ]
                      .filter(Boolean)
                      .join(", ")}
                  </span>
                </span>
                <span class="muted">{one.why_not}</span>
              </li>
            ))}
          </ul>
        )}
      </Step>,
    );
  }
  return found;
}
