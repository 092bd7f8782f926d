// Who is here decides: the login, or the shell with the page of the address.
import { useEffect } from "preact/hooks";
import { begin, session, sessionState } from "../api/session";
import { presence } from "../api/presence";
import { Confirmations } from "../ui/dialog";
import { Toasts } from "../ui/toast";
import { Login } from "./login";
import { Shell } from "./shell";

const retryMs = 2_000;

async function beginAtLast(): Promise<void> {
  for (;;) {
    try {
      return await begin();
    } catch {
      await new Promise((done) => setTimeout(done, retryMs)); // nobody answers yet; the shell says so
    }
  }
}

export function App() {
  useEffect(() => void beginAtLast(), []);
  const state = sessionState.value;
  if (state === "asking") return <Boot />;
  // Once somebody was in, the picture stays, and the login is in front of it.
  if (state === "out" && !session.value) return <Login />;
  return (
    <>
      <div inert={state === "out"}>
        <Shell />
      </div>
      {state === "out" && <Login again />}
      <Confirmations />
      <Toasts />
    </>
  );
}

// As index.html has it, so that nothing jumps.
function Boot() {
  return (
    <div class="boot" role="status" aria-label="Loading">
      <div class="boot-side">
        <b class="boot-logo">weir</b>
        <i />
        <i />
        <i />
        <i />
        <i />
      </div>
      <div class="boot-main">
        {presence.value === "away" && <p class="banner">The controller does not answer yet. Trying again.</p>}
        <i class="boot-title" />
        <i class="boot-wide" />
        <i class="boot-wide" />
        <i />
      </div>
    </div>
  );
}
