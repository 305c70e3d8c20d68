# SPDX-License-Identifier: MIT
# Stands in for nginx:stable where no registry answers: Debian's NGINX, with the user, the logs and the
# signals of that image.
FROM debian:bookworm-slim
RUN apt-get update -q && \
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends nginx-light && \
    rm -rf /var/lib/apt/lists/* /etc/nginx/sites-enabled && \
    useradd --system --no-create-home --shell /usr/sbin/nologin nginx && \
    install -d -o nginx /var/log/nginx && \
    ln -sf /dev/stdout /var/log/nginx/access.log && ln -sf /dev/stderr /var/log/nginx/error.log
EXPOSE 80
STOPSIGNAL SIGQUIT
CMD ["nginx", "-g", "daemon off;"]
