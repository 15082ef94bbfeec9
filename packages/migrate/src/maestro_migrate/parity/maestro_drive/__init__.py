"""
Drives one web service in its own interpreter: loads its app, sends requests within the process, writes down what came of them.

It runs in the service's environment, where this package's other modules are not: it imports the standard library and what the service has.
`python -m maestro_drive JOB OUT` reads a job and writes its outcome, both JSON.
"""
