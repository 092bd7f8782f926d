// weir login and others that have no browser: they show a code, and somebody who is signed in lets them in.
import { useEffect, useState } from "preact/hooks";
import { place } from "../../app/router";
import { request } from "../../api/client";
import { EmptyState } from "../../ui/empty";
import { Refusal, TextField } from "../../ui/field";
import { Icon } from "../../ui/icon";
import { Card, Facts, PageHead } from "../../ui/page";
import { useSubmit } from "../../ui/submit";
import { Time } from "../../ui/time";

interface Device {
  device: string;
  remote_address: string;
  user_agent: string;
  expires_at: string;
}

export default function DevicePage() {
  const [code, setCode] = useState(place.value.query.get("user_code") ?? "");
  const [device, setDevice] = useState<Device | null>(null);
  const [answered, setAnswered] = useState<boolean | null>(null);
  const { busy, problem, submit } = useSubmit();
  const look = () =>
    submit(async () =>
      setDevice(await request<Device>("GET", "/v1/device", { query: { user_code: code.trim() } })),
    );
  useEffect(() => {
    if (code) void look();
  }, []);
  const answer = (approve: boolean) =>
    submit(async () => {
      await request("POST", "/v1/device/approve", { body: { user_code: code.trim(), approve } });
      setAnswered(approve);
    });
  if (answered !== null) {
    return (
      <EmptyState
        icon={answered ? "check" : "cross"}
        title={answered ? `${device?.device || "The device"} is signed in` : "It was refused"}
        action={
          <a class="button" href="/settings/sessions">
            All sessions
          </a>
        }
      >
        <p>
          {answered
            ? "You can close this page and go back to it. It may do what you may, until you end its session."
            : "It gets nothing."}
        </p>
      </EmptyState>
    );
  }
  return (
    <>
      <PageHead
        title="Sign a device in"
        lead="Something without a browser asks to act as you. Let it in only if you began this yourself."
      />
      <Card class="narrow">
        {!device && (
          <form class="stack small" onSubmit={(event) => (event.preventDefault(), void look())} noValidate>
            <TextField
              label="The code that it shows"
              value={code}
              onInput={setCode}
              placeholder="BCDF-GHJK"
              messages={problem ? [problem] : []}
            />
            <div class="actions">
              <button class="primary" disabled={busy || !code.trim()}>
                Go on
              </button>
            </div>
          </form>
        )}
        {device && (
          <div class="stack small">
            <Facts
              facts={[
                ["It calls itself", device.device || "nothing"],
                ["From", <code>{device.remote_address}</code>],
                ["Program", device.user_agent],
                ["Its code lasts until", <Time at={device.expires_at} />],
              ]}
            />
            <Refusal text={problem} />
            <div class="actions">
              <button type="button" class="primary" disabled={busy} onClick={() => void answer(true)}>
                <Icon name="check" size={15} /> Let it in as me
              </button>
              <button type="button" class="danger" disabled={busy} onClick={() => void answer(false)}>
                Refuse
              </button>
            </div>
          </div>
        )}
      </Card>
    </>
  );
}
