export function serveDemo(options?: {
  port?: number;
  host?: string;
  minify?: boolean;
  isFixed?: boolean;
  orFree?: boolean;
}): Promise<{ url: string; close(): Promise<void> }>;
