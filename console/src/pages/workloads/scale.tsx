import type { PageProps } from "../../app/routes";
import { navigate } from "../../app/router";
import { Editor } from "../../ui/editor";
import { ObjectPage } from "../../ui/object";
import { PageHead } from "../../ui/page";
import { Targets, written } from "./edit";

export default function Scale({ params }: PageProps) {
  const name = params.name!;
  return (
    <ObjectPage plural="workloads" name={name} title="workload">
      {(workload) => (
        <>
          <PageHead
            title={`Scale ${name}`}
            back={{ href: `/workloads/${name}`, label: name }}
            lead="What runs stays: more are started, or some are drained and ended; no other instance is touched."
          />
          <Editor start={written(workload)} verb="Scale" onDone={() => navigate(`/workloads/${name}`)}>
            {(form) => <Targets form={form} />}
          </Editor>
        </>
      )}
    </ObjectPage>
  );
}
