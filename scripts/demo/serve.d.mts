export function serveDemo(options?: {
  port?: number;
  host?: string;
  minify?: boolean;
  isFixed?: boolean;
}): Promise<{ url: string; close(): Promise<void> }>;
