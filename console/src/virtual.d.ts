declare module "virtual:schema" {
  const schemas: Record<string, import("./ui/schema").FieldSchema>;
  export default schemas;
}
declare module "virtual:world" {
  const world: { width: number; height: number; land: string; scale: number; translate: [number, number] };
  export default world;
}
declare module "*.css";
