# moto's server, as a stand-in for the S3 server of docker-compose.yml
ARG BASE=python:3.12-slim
FROM ${BASE}
RUN python3 -m pip install --no-cache-dir "moto[server]>=5.1"
USER 65534:65534
