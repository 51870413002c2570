/** `npm run dev`: builds and runs the server, and does both again when a source file changes. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { watch } from 'node:fs';

let server: ChildProcess | undefined;
let timer: NodeJS.Timeout | undefined;

function restart(): void {
  const { status } = spawnSync(process.execPath, ['esbuild.config.mjs'], { stdio: 'inherit' });
  if (status !== 0) return;
  const next = () => {
    server = spawn(process.execPath, ['--enable-source-maps', 'dist/server/main.js'], { stdio: 'inherit' });
  };
  if (!server || server.exitCode !== null) {
    next();
  } else {
    server.once('exit', next);
    server.kill('SIGTERM');
  }
}

for (const folder of ['server', 'shared', 'snippet']) {
  watch(folder, { recursive: true }, () => {
    clearTimeout(timer);
    timer = setTimeout(restart, 150);
  });
}
restart();
