// The API over fetch: one request, typed, with refusals as values that forms can show beside their fields.
import type { Schema } from "./kinds";
import { credentials, sessionEnded } from "./session";
import { heardNothing, heardSomething } from "./presence";

export interface Violation {
  field: string;
  message: string;
  object?: string;
}

// A refusal, as RFC 9457 has it.
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly slug: string,
    detail: string,
    readonly violations: Violation[] = [],
    readonly requestId = "",
  ) {
    super(detail);
  }
}

// Nobody answered.
export class AwayError extends Error {
  constructor() {
    super("The controller does not answer.");
  }
}

export interface Asked {
  body?: unknown;
  type?: string; // of the body; a text is sent as it is
  query?: Record<string, string | number | boolean | readonly string[] | undefined>;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  accept?: string;
}

export function pathWith(path: string, query: Asked["query"] = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) search.append(name, String(one));
  }
  return search.size > 0 ? `${path}?${search}` : path;
}

// The response, once its head is there; what is no success has been thrown.
export async function send(method: string, path: string, asked: Asked = {}): Promise<Response> {
  const headers: Record<string, string> = {
    Accept: "application/json",
    ...credentials(method),
    ...asked.headers,
  };
  if (asked.accept) headers.Accept = asked.accept;
  let body: BodyInit | undefined;
  if (asked.body !== undefined) {
    headers["Content-Type"] = asked.type ?? "application/json";
    body = typeof asked.body === "string" ? asked.body : JSON.stringify(asked.body);
  }
  let response: Response;
  try {
    response = await fetch(pathWith(path, asked.query), {
      method,
      headers,
      body,
      signal: asked.signal,
      credentials: "same-origin",
      cache: "no-store",
    });
  } catch (error) {
    if (asked.signal?.aborted) throw error;
    heardNothing();
    throw new AwayError();
  }
  if (response.status === 502 || response.status === 504) {
    heardNothing(); // of a proxy in front
    throw new AwayError();
  }
  heardSomething();
  if (response.ok) return response;
  const error = await refusalOf(response);
  if (error.status === 401 && !path.startsWith("/v1/session")) sessionEnded();
  throw error;
}

async function refusalOf(response: Response): Promise<ApiError> {
  try {
    const problem = (await response.json()) as Schema<"Problem">;
    const slug = problem.type.split(":").pop() ?? "";
    const detail = problem.detail ?? problem.title;
    return new ApiError(response.status, slug, detail, problem.violations ?? [], problem.request_id);
  } catch {
    return new ApiError(response.status, "", `The controller answered ${response.status}.`);
  }
}

export async function request<T>(method: string, path: string, asked: Asked = {}): Promise<T> {
  const response = await send(method, path, asked);
  if (response.status === 204) return undefined as T;
  return (await response.json()) as T;
}

export type Results = Schema<"Results">;
export type Result = Results["results"][number];

// Many objects as one transaction: what `weir apply` does.
export function apply(
  objects: unknown[],
  query: { dry_run?: boolean; edges?: boolean } = {},
): Promise<Results> {
  return request("POST", "/v1/apply", { body: { objects }, query });
}

export function remove(plural: string, name: string, dryRun = false): Promise<Results> {
  return request("DELETE", `/v1/${plural}/${encodeURIComponent(name)}`, {
    query: { dry_run: dryRun || undefined },
  });
}

export function patch<T>(plural: string, name: string, change: unknown): Promise<T> {
  return request("PATCH", `/v1/${plural}/${encodeURIComponent(name)}`, {
    body: change,
    type: "application/merge-patch+json",
  });
}

// A sentence for people, whatever was thrown.
export function sentenceOf(error: unknown): string {
  if (!(error instanceof ApiError)) return error instanceof Error ? error.message : String(error);
  const [first] = error.violations;
  if (first && error.violations.length === 1)
    return first.field ? `${first.field}: ${first.message}` : first.message;
  const text = error.message;
  return text.charAt(0).toUpperCase() + text.slice(1);
}
