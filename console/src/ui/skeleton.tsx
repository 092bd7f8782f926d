// Where something is on its way, in its shape.
export function Skeleton({ lines = 3, height }: { lines?: number; height?: number }) {
  return (
    <div class="skeleton" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, i) => (
        <i key={i} style={height ? { height: `${height}px` } : undefined} />
      ))}
    </div>
  );
}
