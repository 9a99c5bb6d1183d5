export function serveDemo(options?: {
  port?: number;
  host?: string;
  minify?: boolean;
}): Promise<{ url: string; close(): Promise<void> }>;
