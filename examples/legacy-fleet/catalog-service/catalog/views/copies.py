from flask import Blueprint, abort, current_app, g, jsonify, request

from catalog import store
from catalog.auth import api_key_required
from catalog.extensions import db
from catalog.models import Copy

bp = Blueprint("copies", __name__, url_prefix="/copies")


def find(copy_id):
    copy = db.session.get(Copy, copy_id)
    if copy is None:
        abort(404, "no such copy")
    return copy


@bp.post("/<int:copy_id>/sell")
@api_key_required
def sell(copy_id):
    fields = request.get_json(silent=True) or {}
    try:
        copy = store.sell(find(copy_id), fields.get("customer"))
    except store.Conflict as e:
        current_app.logger.warning("%s could not sell copy %s: %s", g.client, copy_id, e)
        abort(409, str(e))
    return jsonify(copy.to_dict())


@bp.post("/<int:copy_id>/reserve")
@api_key_required
def reserve(copy_id):
    fields = request.get_json()
    if not fields.get("customer"):
        abort(400, "for whom?")
    try:
        copy = store.reserve(find(copy_id), fields["customer"])
    except store.Conflict as e:
        abort(409, str(e))
    return jsonify(copy.to_dict())
