// Who is at the console: by a session of the controller (a cookie that this code never sees), or, where it has
// none, by a token that lives as long as this tab.
import { computed, signal } from "@preact/signals";
import { ApiError, request } from "./client";

export interface Session {
  user: string;
  token?: string; // the name of the Token, of who came by one
  display_name?: string;
  role: string;
  organization: string;
  organizations: { name: string; display_name?: string; role: string }[];
  csrf: string;
  version: string;
  domain: string;
}

export interface Methods {
  password: boolean;
  oidc: { name: string; display_name: string; start: string }[];
  sessions: boolean; // false: this controller takes tokens alone
}

export type SessionState = "asking" | "out" | "in";
export const sessionState = signal<SessionState>("asking");
export const session = signal<Session | null>(null);
// What the caller may do: a hint for what to offer; the API has the last word.
export const mayWrite = computed(() => ["owner", "admin", "editor"].includes(session.value?.role ?? ""));

const tokenKey = "weir.token";
let token = readToken();

function readToken(): string {
  try {
    return sessionStorage.getItem(tokenKey) ?? "";
  } catch {
    return "";
  }
}

// Who belongs to several organizations acts in one at a time; "" is where the controller puts him.
const organizationKey = "weir.organization";
let organization = readChosen();

function readChosen(): string {
  try {
    return localStorage.getItem(organizationKey) ?? "";
  } catch {
    return "";
  }
}

function keepChosen(name: string): void {
  organization = name;
  try {
    if (name) localStorage.setItem(organizationKey, name);
    else localStorage.removeItem(organizationKey);
  } catch {
    // storage is off: as long as this page
  }
}

export function chooseOrganization(name: string): void {
  keepChosen(name);
  location.assign("/"); // nothing of another organization stays
}

function keepToken(text: string): void {
  token = text;
  try {
    if (text) sessionStorage.setItem(tokenKey, text);
    else sessionStorage.removeItem(tokenKey);
  } catch {
    // storage is off: as long as this page
  }
}

// Fields for a request: a token, or what tells a request of ours from one that another site made.
export function credentials(method: string): Record<string, string> {
  if (token) return { Authorization: `Bearer ${token}` };
  const csrf = session.value?.csrf;
  return {
    ...(organization && { "X-Weir-Organization": organization }),
    ...(csrf && method !== "GET" && { "X-Weir-CSRF": csrf }),
  };
}

const absent = (error: unknown) => error instanceof ApiError && error.status === 404;

interface Front {
  version: string;
}

// With a token alone: what it may do is found by trying.
async function sessionOfToken(): Promise<Session> {
  await request("GET", "/v1");
  const front = await request<Front>("GET", "/");
  const domain = "weir.localhost";
  return {
    user: "",
    role: "admin",
    organization: "",
    organizations: [],
    csrf: "",
    version: front.version,
    domain,
  };
}

async function currentSession(): Promise<Session> {
  try {
    return await request<Session>("GET", "/v1/session");
  } catch (error) {
    if (!absent(error) || !token) throw error;
    return sessionOfToken();
  }
}

// Asks who is here; throws AwayError when nobody answers.
export async function begin(): Promise<void> {
  try {
    session.value = await currentSession();
    sessionState.value = "in";
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 401) keepToken("");
    else if (organization) {
      keepChosen(""); // he is no member any more
      return begin();
    }
    sessionState.value = "out";
  }
}

export async function loginMethods(): Promise<Methods> {
  try {
    return { sessions: true, ...(await request<Omit<Methods, "sessions">>("GET", "/v1/session/methods")) };
  } catch (error) {
    if (error instanceof ApiError) return { password: false, oidc: [], sessions: false };
    throw error;
  }
}

// Throws ApiError when it is refused.
export async function login(by: { email: string; password: string } | { token: string }): Promise<void> {
  keepToken("");
  try {
    session.value = await request<Session>("POST", "/v1/session", { body: by });
  } catch (error) {
    if (!absent(error) || !("token" in by)) throw error;
    keepToken(by.token);
    try {
      session.value = await sessionOfToken();
    } catch (refused) {
      keepToken("");
      throw refused;
    }
  }
  sessionState.value = "in";
}

export async function logout(): Promise<void> {
  if (!token) await request("DELETE", "/v1/session").catch(() => undefined);
  keepToken("");
  keepChosen("");
  location.assign("/"); // nothing of what was shown is kept
}

// The API said 401: what is on the screen stays until somebody is in again.
export function sessionEnded(): void {
  if (sessionState.value === "in") sessionState.value = "out";
}
