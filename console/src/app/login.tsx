import { useEffect, useRef, useState } from "preact/hooks";
import { sentenceOf } from "../api/client";
import { login, loginMethods, type Methods } from "../api/session";
import { TextField } from "../ui/field";
import { Icon } from "../ui/icon";
import { Logo } from "./shell";

export function Login({ again }: { again?: boolean }) {
  const [methods, setMethods] = useState<Methods | null>(null);
  const [byToken, setByToken] = useState(false);
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [token, setToken] = useState("");
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    document.title = "Sign in · weir";
    loginMethods().then(setMethods, () => setMethods({ password: true, oidc: [], sessions: true }));
  }, []);
  const withToken = byToken || methods?.password === false;
  useEffect(() => form.current?.querySelector("input")?.focus(), [withToken, methods !== null]);
  const submit = async (event: Event) => {
    event.preventDefault();
    const missing = withToken ? !token.trim() : !email.trim() || !password;
    if (missing)
      return setProblem(withToken ? "Paste a token first." : "Give an e-mail address and a password.");
    setBusy(true);
    setProblem("");
    try {
      await login(withToken ? { token: token.trim() } : { email: email.trim(), password });
    } catch (error) {
      setProblem(sentenceOf(error));
      setBusy(false);
    }
  };
  return (
    <main class={`login ${again ? "again" : ""}`}>
      <div class="login-box">
        <Logo />
        <h1>{again ? "Your session has ended" : "Sign in"}</h1>
        {again && <p class="lead">Sign in to go on where you were.</p>}
        {methods?.oidc.map((one) => (
          <a key={one.name} class="button wide" href={one.start} target="_self">
            <Icon name="key" size={16} /> Continue with {one.display_name}
          </a>
        ))}
        {methods && methods.oidc.length > 0 && (
          <p class="or">
            <span>or</span>
          </p>
        )}
        <form ref={form} onSubmit={submit} noValidate>
          {withToken ? (
            <TextField
              label="API token"
              type="password"
              value={token}
              onInput={setToken}
              required
              autocomplete="current-password"
              help="The first start of weir up printed one; it is kept in weir-data/admin.token."
            />
          ) : (
            <>
              <TextField
                label="E-mail"
                type="email"
                value={email}
                onInput={setEmail}
                required
                autocomplete="username"
              />
              <TextField
                label="Password"
                type="password"
                value={password}
                onInput={setPassword}
                required
                autocomplete="current-password"
              />
            </>
          )}
          {problem && (
            <p class="problem" role="alert">
              <Icon name="warn" size={15} /> {problem}
            </p>
          )}
          <button class="primary wide" disabled={busy}>
            Sign in
          </button>
        </form>
        {methods?.password && (
          <button type="button" class="quiet wide" onClick={() => (setByToken(!byToken), setProblem(""))}>
            {byToken ? "Use e-mail and password" : "Use an API token"}
          </button>
        )}
      </div>
    </main>
  );
}
