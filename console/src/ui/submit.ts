// What a form does when it is sent: busy meanwhile, and what is wrong stands beside its fields.
import { useState } from "preact/hooks";
import { ApiError, sentenceOf, type Violation } from "../api/client";

export interface Submission {
  busy: boolean;
  problem: string; // what belongs to no field
  violations: Violation[];
  submit: (act: () => Promise<unknown>) => Promise<boolean>; // true: it was done
}

export function useSubmit(): Submission {
  const [state, setState] = useState({ busy: false, problem: "", violations: [] as Violation[] });
  const submit = async (act: () => Promise<unknown>) => {
    setState((before) => ({ ...before, busy: true, problem: "" }));
    try {
      await act();
      setState({ busy: false, problem: "", violations: [] });
      return true;
    } catch (error) {
      const violations = error instanceof ApiError ? error.violations : [];
      setState({
        busy: false,
        violations,
        problem: violations.length > 1 ? `${violations.length} fields need another look.` : sentenceOf(error),
      });
      return false;
    }
  };
  return { ...state, submit };
}
