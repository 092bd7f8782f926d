"""Judges messages of OTLP as JSON by OpenTelemetry's own definition: run by the Python of build/tools/otlp,
with a JSON array of messages on stdin. Exit 1 and a sentence for the first that is none."""

import base64
import json
import sys

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

IDS = ("traceId", "spanId", "parentSpanId")  # in hex, where protobuf's own JSON has base64


def with_base64(span):
    return {
        name: base64.b64encode(bytes.fromhex(value)).decode() if name in IDS else value
        for name, value in span.items()
    }


def main():
    spans = 0
    for number, message in enumerate(json.load(sys.stdin)):
        for resource in message["resourceSpans"]:
            for scope in resource["scopeSpans"]:
                scope["spans"] = [with_base64(span) for span in scope["spans"]]
        try:
            request = json_format.ParseDict(message, ExportTraceServiceRequest())
        except json_format.ParseError as wrong:
            sys.exit(f"message {number}: {wrong}")
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    spans += 1
                    sizes = len(span.trace_id), len(span.span_id), len(span.parent_span_id)
                    if sizes not in ((16, 8, 0), (16, 8, 8)):
                        sys.exit(f"message {number}: an id has another size: {span}")
    print(spans)


main()
